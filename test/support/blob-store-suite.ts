import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { suite, test } from "node:test";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import {
  type BlobStore,
  DigestMismatch,
  type ReadableBytes,
} from "../../src/storage/blob-store.ts";
import { rehash } from "../../src/storage/verification/rehash.ts";

/** A fresh, empty store; disposing throws it away. */
export interface BlobStoreFixture extends AsyncDisposable {
  readonly store: BlobStore;
}

/** What every BlobStore must do. */
export function blobStoreSuite(name: string, openFixture: () => Promise<BlobStoreFixture>): void {
  suite(`${name} as a BlobStore`, () => {
    contentSuite(openFixture);
    visibilitySuite(openFixture);
    replacementSuite(openFixture);
  });
}

/** Takes `bytes` in, as one chunk; resolves to the identity. */
export async function commitBytes(store: BlobStore, bytes: Buffer): Promise<string> {
  await using ingest = await store.ingest(digestOf(bytes));
  await ingest.append([bytes]);
  await ingest.verify();
  return await ingest.commit();
}

/** Everything there is to read, or null if nothing is stored. */
export async function storedBytes(store: BlobStore, digest: Digest): Promise<Buffer | null> {
  await using blob = await store.open(digest);
  return blob && (await bytesFrom(blob, 0));
}

async function bytesFrom(source: ReadableBytes, positionBytes: number): Promise<Buffer> {
  const parts: Buffer[] = [];
  const buffer = Buffer.alloc(10_000);
  for (let position = positionBytes; ; ) {
    const bytes = await source.read(buffer, position);
    if (bytes === 0) return Buffer.concat(parts);
    parts.push(Buffer.from(buffer.subarray(0, bytes)));
    position += bytes;
  }
}

function contentSuite(openFixture: () => Promise<BlobStoreFixture>): void {
  test("committed content is read back whole and at any position", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(100_000);
    await commitBytes(fixture.store, bytes);

    await using blob = await fixture.store.open(digestOf(bytes));

    assert.equal(blob?.sizeBytes, 100_000);
    assert.deepEqual(await bytesFrom(blob, 0), bytes);
    assert.deepEqual(await bytesFrom(blob, 77_777), bytes.subarray(77_777));
  });

  test("a read gets what is there and fits, and nothing at or behind the end", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    await commitBytes(fixture.store, bytes);
    await using blob = await fixture.store.open(digestOf(bytes));
    const target = Buffer.alloc(600);

    assert.equal(await blob?.read(target, 0), 600);
    assert.equal(await blob?.read(target, 600), 400);
    assert.deepEqual(target.subarray(0, 400), bytes.subarray(600));
    assert.equal(await blob?.read(target, 1000), 0);
    assert.equal(await blob?.read(target, 5000), 0);
    assert.equal(await blob?.read(Buffer.alloc(0), 0), 0);
  });

  test("content named by sha512 is stored as such", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(3000);
    const digest = digestOf(bytes, "sha512");
    {
      await using ingest = await fixture.store.ingest(digest);
      await ingest.append([bytes]);
      await ingest.verify();
      await ingest.commit();
    }

    assert.deepEqual(await storedBytes(fixture.store, digest), bytes);
    assert.equal(await fixture.store.open(digestOf(bytes)), null);
  });

  test("empty content can be stored", async () => {
    await using fixture = await openFixture();
    await commitBytes(fixture.store, Buffer.alloc(0));

    await using blob = await fixture.store.open(digestOf(Buffer.alloc(0)));

    assert.equal(blob?.sizeBytes, 0);
    assert.equal(await blob.read(Buffer.alloc(10), 0), 0);
  });

  test("an append of very many chunks, some of them empty, keeps their order", async () => {
    await using fixture = await openFixture();
    // More than IOV_MAX, which is 1024.
    const chunks = Array.from({ length: 3000 }, (_, index) => randomBytes(index % 5));
    const bytes = Buffer.concat(chunks);
    {
      await using ingest = await fixture.store.ingest(digestOf(bytes));
      await ingest.append([]);
      await ingest.append(chunks);
      await ingest.verify();
      await ingest.commit();
    }

    assert.deepEqual(await storedBytes(fixture.store, digestOf(bytes)), bytes);
  });

  test("stored content can be hashed again", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(3_000_000);
    await commitBytes(fixture.store, bytes);

    await using blob = await fixture.store.open(digestOf(bytes));

    assert.equal(blob && (await rehash(blob, digestOf(bytes))), true);
    assert.equal(blob && (await rehash(blob, digestOf(Buffer.from("other")))), false);
  });
}

function visibilitySuite(openFixture: () => Promise<BlobStoreFixture>): void {
  test("content is not visible before its commit", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    const digest = digestOf(bytes);
    await using ingest = await fixture.store.ingest(digest);

    assert.equal(await fixture.store.open(digest), null);
    await ingest.append([bytes]);
    assert.equal(await fixture.store.open(digest), null);
    await ingest.verify();
    assert.equal(await fixture.store.open(digest), null);
    await ingest.commit();
    assert.deepEqual(await storedBytes(fixture.store, digest), bytes);
  });

  test("readers at any position follow an ingest while it grows, and never pass its end", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(64 * 5000);
    await using ingest = await fixture.store.ingest(digestOf(bytes));

    for (let end = 0; end < bytes.length; end += 5000) {
      const newEnd = end + 5000;
      const appended = ingest.append([
        bytes.subarray(end, end + 100),
        bytes.subarray(end + 100, newEnd),
      ]);
      const starts = [0, Math.max(0, end - 1), end, end + 100];
      const during = await Promise.all(starts.map((start) => bytesFrom(ingest, start)));
      await appended;
      for (const [index, read] of during.entries()) {
        const start = starts[index] ?? 0;
        assert.deepEqual(read, bytes.subarray(start, start + read.length));
      }
      assert.equal(ingest.writtenBytes, newEnd);
      assert.deepEqual(await bytesFrom(ingest, newEnd - 50), bytes.subarray(newEnd - 50, newEnd));
    }
  });

  test("bytes of an append that has not resolved are not readable", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    await using ingest = await fixture.store.ingest(digestOf(bytes));

    const appended = ingest.append([bytes]);

    assert.equal(ingest.writtenBytes, 0);
    assert.equal(await ingest.read(Buffer.alloc(1000), 0), 0);
    await appended;
    assert.equal(await ingest.read(Buffer.alloc(1000), 0), 1000);
  });

  test("content with another digest is refused, with both digests, and stays invisible", async () => {
    await using fixture = await openFixture();
    const expected = digestOf(Buffer.from("what was asked for"));
    const arrived = Buffer.from("what arrived");
    await using ingest = await fixture.store.ingest(expected);
    await ingest.append([arrived]);

    await assert.rejects(
      ingest.verify(),
      (error) =>
        error instanceof DigestMismatch &&
        error.expected === expected &&
        error.actual === digestOf(arrived),
    );

    await assert.rejects(ingest.commit());
    assert.equal(await fixture.store.open(expected), null);
    assert.equal(await fixture.store.open(digestOf(arrived)), null);
  });

  test("the digest is not met by a part of the content", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    await using ingest = await fixture.store.ingest(digestOf(bytes));
    await ingest.append([bytes.subarray(0, 999)]);

    await assert.rejects(ingest.verify(), DigestMismatch);
  });

  test("content that was not verified cannot be committed", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    await using ingest = await fixture.store.ingest(digestOf(bytes));
    await ingest.append([bytes]);

    await assert.rejects(ingest.commit());
    assert.equal(await fixture.store.open(digestOf(bytes)), null);
  });

  test("nothing is appended after the verification", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    await using ingest = await fixture.store.ingest(digestOf(bytes));
    await ingest.append([bytes]);
    await ingest.verify();

    await assert.rejects(ingest.append([Buffer.from("more")]));
    await ingest.commit();
    assert.deepEqual(await storedBytes(fixture.store, digestOf(bytes)), bytes);
  });

  test("a second append has to wait for the first", async () => {
    await using fixture = await openFixture();
    await using ingest = await fixture.store.ingest(digestOf(Buffer.from("ab")));
    const first = ingest.append([Buffer.from("a")]);

    await assert.rejects(ingest.append([Buffer.from("b")]));
    await first;
  });

  test("an ingest that is disposed of before its commit leaves nothing visible", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    {
      await using ingest = await fixture.store.ingest(digestOf(bytes));
      await ingest.append([bytes]);
      await ingest.verify();
    }

    assert.equal(await fixture.store.open(digestOf(bytes)), null);
  });

  test("an ingest stays readable after its commit, until it is disposed of", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    const ingest = await fixture.store.ingest(digestOf(bytes));
    await ingest.append([bytes]);
    await ingest.verify();
    await ingest.commit();
    await fixture.store.remove(digestOf(bytes));

    assert.deepEqual(await bytesFrom(ingest, 0), bytes);
    await ingest[Symbol.asyncDispose]();
    await assert.rejects(ingest.read(Buffer.alloc(1000), 0));
  });
}

function replacementSuite(openFixture: () => Promise<BlobStoreFixture>): void {
  test("removed content is gone, and open readers keep it", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    await commitBytes(fixture.store, bytes);
    await using blob = await fixture.store.open(digestOf(bytes));

    await fixture.store.remove(digestOf(bytes));

    assert.equal(await fixture.store.open(digestOf(bytes)), null);
    assert.deepEqual(blob && (await bytesFrom(blob, 0)), bytes);
  });

  test("removing what is not there is no error", async () => {
    await using fixture = await openFixture();

    await fixture.store.remove(digestOf(Buffer.from("never stored")));
  });

  test("the identity of untouched content is what its commit resolved to", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    const identity = await commitBytes(fixture.store, bytes);

    for (let time = 0; time < 2; time += 1) {
      await using blob = await fixture.store.open(digestOf(bytes));
      assert.equal(blob?.identity, identity);
      await blob.read(Buffer.alloc(1000), 0);
    }
  });

  test("content can be stored again while it is read", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    const first = await commitBytes(fixture.store, bytes);
    await using reader = await fixture.store.open(digestOf(bytes));

    const second = await commitBytes(fixture.store, bytes);

    assert.notEqual(second, first);
    assert.deepEqual(reader && (await bytesFrom(reader, 0)), bytes);
    await using blob = await fixture.store.open(digestOf(bytes));
    assert.equal(blob?.identity, second);
  });

  test("content in quarantine is gone, open readers keep it, and it can be stored again", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    const digest = digestOf(bytes);
    await commitBytes(fixture.store, bytes);
    await using before = await fixture.store.open(digest);

    await fixture.store.quarantine(digest);
    await fixture.store.quarantine(digestOf(Buffer.from("never stored")));
    const between = await storedBytes(fixture.store, digest);
    await commitBytes(fixture.store, bytes);

    assert.equal(between, null);
    assert.ok(before && bytes.equals(await bytesFrom(before, 0)));
    assert.ok((await storedBytes(fixture.store, digest))?.equals(bytes));
  });

  test("content can be stored again after it was removed", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    await commitBytes(fixture.store, bytes);
    await fixture.store.remove(digestOf(bytes));

    await commitBytes(fixture.store, bytes);

    assert.deepEqual(await storedBytes(fixture.store, digestOf(bytes)), bytes);
  });

  test("ingests of the same digest do not disturb each other", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    await using given = await fixture.store.ingest(digestOf(bytes));
    {
      await using abandoned = await fixture.store.ingest(digestOf(bytes));
      await abandoned.append([bytes.subarray(0, 10)]);
      await given.append([bytes]);
    }
    await given.verify();
    await given.commit();

    assert.deepEqual(await storedBytes(fixture.store, digestOf(bytes)), bytes);
  });

  test("commits and removals of one digest at once end with all of the content or none", async () => {
    await using fixture = await openFixture();
    const bytes = randomBytes(1000);
    const steps = Array.from({ length: 30 }, async (_, index) => {
      if (index % 2 === 0) await commitBytes(fixture.store, bytes);
      else await fixture.store.remove(digestOf(bytes));
      const found = await storedBytes(fixture.store, digestOf(bytes));
      if (found) assert.deepEqual(found, bytes);
    });

    await Promise.all(steps);

    await fixture.store.remove(digestOf(bytes));
    assert.equal(await fixture.store.open(digestOf(bytes)), null);
  });
}
