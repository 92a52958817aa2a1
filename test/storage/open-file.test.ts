import assert from "node:assert/strict";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { OpenFile } from "../../src/storage/disk/open-file.ts";
import { noise } from "../support/noise.ts";

const kib = 1024;

for (const [pieces, sizes] of [
  ["one large piece", [5000 * kib]],
  ["pieces that are large only together", Array(9).fill(400 * kib)],
  ["pieces of which some are larger than what is written at once", [1, 3000 * kib, 0, 2000 * kib]],
  ["many small pieces", Array(3000).fill(kib)],
] satisfies [string, number[]][]) {
  test(`all is written in its order, where it comes in ${pieces}`, async () => {
    await using directory = await mkdtempDisposable(join(tmpdir(), "open-file-"));
    const path = join(directory.path, "file");
    const bytes = noise(
      pieces,
      sizes.reduce((sum, size) => sum + size, 0),
    );
    const ends = sizes.map((_, at) => sizes.slice(0, at + 1).reduce((sum, size) => sum + size, 0));
    const chunks = ends.map((end, at) => bytes.subarray(ends[at - 1] ?? 0, end));
    {
      await using file = await OpenFile.create(path);
      await file.write([Buffer.from("head")], 0);
      await file.write(chunks, 4);
    }

    assert.ok((await readFile(path)).equals(Buffer.concat([Buffer.from("head"), bytes])));
  });
}
