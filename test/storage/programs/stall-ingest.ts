import { randomBytes } from "node:crypto";
import { digestOf } from "../../../src/oci/digest.ts";
import { DiskBlobStore } from "../../../src/storage/disk/disk-blob-store.ts";
import { layoutOf } from "../../../src/storage/layout.ts";

// Appends half of a blob and waits to be killed.
const store = await DiskBlobStore.open(layoutOf(process.argv[2] ?? ""));
const bytes = randomBytes(100_000);
const ingest = await store.ingest(digestOf(bytes));
await ingest.append([bytes.subarray(0, 50_000)]);
console.log("appended");
setInterval(() => ingest, 60_000);
