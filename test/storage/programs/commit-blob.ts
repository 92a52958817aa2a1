import { digestOf } from "../../../src/oci/digest.ts";
import { DiskBlobStore } from "../../../src/storage/disk/disk-blob-store.ts";
import { layoutOf } from "../../../src/storage/layout.ts";
import { codeOf } from "../../../src/storage/storage-error.ts";

// Commits argv[3], twice over, as if a failure could be repaired; prints the outcomes and what one read
// of the blob gets, as JSON.
const store = await DiskBlobStore.open(layoutOf(process.argv[2] ?? ""));
const bytes = Buffer.from(process.argv[3] ?? "");
const outcomes: string[] = [];
{
  await using ingest = await store.ingest(digestOf(bytes));
  await attempt(async () => {
    await ingest.append([bytes.subarray(0, 1), bytes.subarray(1)]);
    await ingest.verify();
  });
  for (let time = 0; time < 2; time += 1) await attempt(() => ingest.commit());
}
console.log(JSON.stringify({ outcomes, stored: await readOnce() }));

async function attempt(step: () => Promise<unknown>): Promise<void> {
  const outcome = await step().then(
    () => "done",
    (error) => codeOf(error) ?? "refused",
  );
  outcomes.push(outcome);
}

async function readOnce(): Promise<string | null> {
  await using blob = await store.open(digestOf(bytes));
  const target = Buffer.alloc(bytes.length);
  return blob && target.toString("utf8", 0, await blob.read(target, 0));
}
