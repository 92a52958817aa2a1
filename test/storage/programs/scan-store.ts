import { SqliteCatalog } from "../../../src/storage/catalog/sqlite-catalog.ts";
import { DigestLocks } from "../../../src/storage/digest-locks.ts";
import { layoutOf } from "../../../src/storage/layout.ts";
import { StoreScan } from "../../../src/storage/verification/store-scan.ts";

// Scans a storage directory and prints the counts as JSON.
const layout = layoutOf(process.argv[2] ?? "");
await using catalog = await SqliteCatalog.open(layout);
console.log(
  JSON.stringify(
    await new StoreScan({ layout, catalog, locks: new DigestLocks() }).run(
      new AbortController().signal,
    ),
  ),
);
