import { digestOf } from "../../../src/oci/digest.ts";
import { DiskBlobStore } from "../../../src/storage/disk/disk-blob-store.ts";
import { layoutOf } from "../../../src/storage/layout.ts";

// Commits one blob after the other without waiting for any, until none is taken in; prints how many were, and why no more.
const store = await DiskBlobStore.open(layoutOf(process.argv[2] ?? ""));
let taken = 0;
try {
  for (; taken < 10_000; taken++) {
    const bytes = Buffer.from(`${taken}`);
    const ingest = await store.ingest(digestOf(bytes));
    await ingest.append([bytes]);
    await ingest.verify();
    ingest.commit().catch(() => {});
  }
} catch (error) {
  console.log(JSON.stringify({ taken, refusal: String(error) }));
}
process.exit(0);
