import assert from "node:assert/strict";
import { mkdir, readdir, readFile, rm, truncate, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { DigestLocks } from "../../src/storage/digest-locks.ts";
import { DiskBlobStore } from "../../src/storage/disk/disk-blob-store.ts";
import { blobFile, type Layout } from "../../src/storage/layout.ts";
import { Pace } from "../../src/storage/verification/pace.ts";
import {
  type Finding,
  Verification,
  type VerificationOrder,
} from "../../src/storage/verification/verification.ts";
import { commitBytes } from "../support/blob-store-suite.ts";
import { forgetContent, locationOf } from "../support/catalog-suite.ts";
import { storageDirectory } from "./storage-directory.ts";

const alpine = locationOf("docker.io", "library/alpine");
const { signal } = new AbortController();
const unbounded = new Pace({ rate: () => null, monotonicMs: () => 0 });

suite("a verification", () => {
  test("undamaged content is found to be right, and all of it is read", async () => {
    await using scene = await startScene();
    await scene.store("one");
    await scene.store("three");

    const { findings, verification } = await scene.verify("tell");

    assert.deepEqual(findings, []);
    assert.deepEqual(await verification.progress(), {
      checkedBlobs: 2,
      checkedBytes: 8,
      totalBlobs: 2,
      totalBytes: 8,
    });
  });

  test("everything that is wrong is told, and nothing is changed", async () => {
    await using scene = await startScene();
    const damaged = await scene.damageEverything();
    const before = await scene.state();

    const { findings } = await scene.verify("tell");

    assert.deepEqual(
      kindsOf(findings),
      new Map<string | null, string>([
        [damaged.rotten, "wrong-bytes none"],
        [damaged.short, "wrong-size none"],
        [damaged.lost, "without-file none"],
        [damaged.orphan, "without-row none"],
        [null, "foreign none"],
      ]),
    );
    assert.deepEqual(await scene.state(), before);
  });

  test("what is wrong is mended: set aside, forgotten, adopted; and then all is right", async () => {
    await using scene = await startScene();
    const damaged = await scene.damageEverything();

    const { findings } = await scene.verify("mend");
    const again = await scene.verify("mend");

    assert.deepEqual(
      kindsOf(findings),
      new Map<string | null, string>([
        [damaged.rotten, "wrong-bytes quarantined"],
        [damaged.short, "wrong-size quarantined"],
        [damaged.lost, "without-file forgotten"],
        [damaged.orphan, "without-row adopted"],
        [null, "foreign none"],
      ]),
    );
    assert.deepEqual(
      again.findings.map(({ kind }) => kind),
      ["foreign"],
    );
    for (const digest of [damaged.rotten, damaged.short, damaged.lost]) {
      assert.equal(await scene.catalog.blob(digest), null);
      await using file = await scene.blobs.open(digest);
      assert.equal(file, null);
      // Upstream may still have it: only the content is lost.
      assert.equal(await scene.catalog.grantedAtMs(alpine, digest), 1);
    }
    assert.deepEqual(
      new Set(scene.forgotten),
      new Set([damaged.rotten, damaged.short, damaged.lost]),
    );
    const kept = await readdir(scene.layout.quarantine);
    assert.equal(kept.length, 2);
    const rotten = kept.find((name) => name.endsWith(damaged.rotten.slice(7))) ?? "";
    assert.match(rotten, /^\d{8}T\d{6}Z-sha256-[0-9a-f]{64}$/);
    assert.equal(await readFile(join(scene.layout.quarantine, rotten), "utf8"), "r0tten");
    // Adopted content was read as well, so its first reader need not.
    await using orphan = await scene.blobs.open(damaged.orphan);
    assert.equal((await scene.catalog.blob(damaged.orphan))?.identity, orphan?.identity);
  });

  test("an orphan that is not what its name says is not kept for its next reader", async () => {
    await using scene = await startScene();
    const digest = digestOf(Buffer.from("never stored"));
    await scene.plant(digest, "something else");

    const { findings } = await scene.verify("mend");

    assert.deepEqual(kindsOf(findings), new Map([[digest, "wrong-bytes quarantined"]]));
    assert.equal(await scene.catalog.blob(digest), null);
  });

  test("it goes on behind a digest, and tells of each blob in their order", async () => {
    await using scene = await startScene();
    const digests = [];
    for (let at = 0; at < 40; at++) digests.push(await scene.store(`blob ${at}`));
    digests.sort();
    const after = digests[19] ?? null;
    await writeFile(blobFile(scene.layout, digests[3] as Digest), "rotten, but passed already");

    const checked: Digest[] = [];
    const onChecked = async ({ digest }: { digest: Digest }): Promise<void> => {
      checked.push(digest);
    };
    const { findings } = await scene.verify("tell", { after, onChecked });

    assert.deepEqual(findings, []);
    assert.deepEqual(checked, digests.slice(20));
  });

  test("what is evicted while it is read is not read on, and is no damage", async () => {
    await using scene = await startScene();
    const digest = await scene.store("x".repeat(3 * 1024 * 1024));
    const read: number[] = [];
    const pace = {
      spend: async (bytes: number) => {
        read.push(bytes);
        await forgetContent(scene.catalog, digest);
        await scene.blobs.remove(digest);
      },
    };

    const { findings } = await scene.verify("mend", { pace });

    assert.deepEqual(findings, []);
    assert.equal(read.length, 1);
  });

  test("damage that was healed before it could be mended is none any more", async () => {
    await using scene = await startScene();
    const digest = await scene.store("healed");
    await writeFile(blobFile(scene.layout, digest), "heeled");
    const pace = {
      spend: async () => {
        // As the next pull does: it removes what was changed, and stores it anew.
        await scene.blobs.remove(digest);
        await commitBytes(scene.blobs, Buffer.from("healed"));
      },
    };

    const { findings } = await scene.verify("mend", { pace });

    assert.deepEqual(findings, []);
    await using file = await scene.blobs.open(digest);
    assert.ok(file);
  });

  test("beside fills that commit and evictions that go on, nothing is taken for damage", async () => {
    await using scene = await startScene();
    const ending = new AbortController();
    let rounds = 0;
    const turmoil = (async () => {
      while (!ending.signal.aborted) {
        const texts = Array.from({ length: 20 }, (_, at) => `in turmoil ${rounds} ${at}`);
        await Promise.all(texts.map((text) => scene.store(text)));
        await Promise.all(texts.map((text) => scene.evict(digestOf(Buffer.from(text)))));
        rounds += 1;
      }
    })();

    const found: Finding[] = [];
    for (let round = 0; round < 10 || rounds < 2; round++)
      found.push(...(await scene.verify("mend")).findings);
    ending.abort();
    await turmoil;

    assert.deepEqual(found, []);
  });

  test("it ends when it is aborted, in the middle of a blob too", async () => {
    await using scene = await startScene();
    await scene.store("x".repeat(3 * 1024 * 1024));
    const ending = new AbortController();
    const pace = new Pace({
      rate: () => 1,
      monotonicMs: () => 0,
      pause: async (_ms, paused) => {
        ending.abort();
        paused.throwIfAborted();
      },
    });

    await assert.rejects(scene.verify("tell", { pace }, ending.signal), { name: "AbortError" });
  });
});

test("a pace waits for what the rate says, and makes up for no time in which nothing was read", async () => {
  let nowMs = 0;
  const waits: number[] = [];
  const pace = new Pace({
    rate: () => 1000,
    monotonicMs: () => nowMs,
    pause: async (durationMs) => {
      waits.push(durationMs);
      nowMs += durationMs;
    },
  });

  await pace.spend(500, signal);
  nowMs += 200;
  await pace.spend(500, signal);
  nowMs += 60_000;
  await pace.spend(500, signal);

  assert.deepEqual(waits, [500, 500, 500]);
});

function kindsOf(findings: readonly Finding[]): Map<string | null, string> {
  return new Map(findings.map(({ digest, kind, deed }) => [digest, `${kind} ${deed}`]));
}

interface Damaged {
  readonly rotten: Digest;
  readonly short: Digest;
  readonly lost: Digest;
  readonly orphan: Digest;
}

class Scene implements AsyncDisposable {
  readonly layout: Layout;
  readonly blobs: DiskBlobStore;
  readonly catalog: SqliteCatalog;
  readonly forgotten: Digest[] = [];
  readonly #locks = new DigestLocks();
  readonly #resources: AsyncDisposable;

  constructor(parts: {
    layout: Layout;
    blobs: DiskBlobStore;
    catalog: SqliteCatalog;
    resources: AsyncDisposable;
  }) {
    this.layout = parts.layout;
    this.blobs = parts.blobs;
    this.catalog = parts.catalog;
    this.#resources = parts.resources;
  }

  /** As a fill does. */
  async store(text: string): Promise<Digest> {
    const bytes = Buffer.from(text);
    const digest = digestOf(bytes);
    using _lock = await this.#locks.hold(digest);
    const identity = await commitBytes(this.blobs, bytes);
    await this.catalog.recordBlob(alpine, { digest, sizeBytes: bytes.length, identity }, 1);
    return digest;
  }

  /** As an eviction does. */
  async evict(digest: Digest): Promise<void> {
    using _locks = await this.#locks.holdAll([digest]);
    await forgetContent(this.catalog, digest);
    await this.blobs.remove(digest);
  }

  async plant(digest: Digest, text: string): Promise<void> {
    await mkdir(dirname(blobFile(this.layout, digest)), { recursive: true });
    await writeFile(blobFile(this.layout, digest), text);
  }

  async damageEverything(): Promise<Damaged> {
    await this.store("right");
    const rotten = await this.store("rotten");
    await writeFile(blobFile(this.layout, rotten), "r0tten");
    const short = await this.store("cut short");
    await truncate(blobFile(this.layout, short), 3);
    const lost = await this.store("lost");
    await rm(blobFile(this.layout, lost));
    const orphan = digestOf(Buffer.from("orphan"));
    await this.plant(orphan, "orphan");
    await writeFile(join(this.layout.blobs, "README"), "foreign");
    return { rotten, short, lost, orphan };
  }

  async state(): Promise<unknown> {
    const files = await readdir(this.layout.directory, { recursive: true });
    return { files: files.sort(), rows: await this.catalog.blobs(null, 100) };
  }

  async verify(
    aim: VerificationOrder["aim"],
    order: Partial<VerificationOrder> = {},
    ending: AbortSignal = signal,
  ): Promise<{ findings: Finding[]; verification: Verification }> {
    const verification = new Verification(
      {
        layout: this.layout,
        store: this.blobs,
        catalog: this.catalog,
        locks: this.#locks,
        budget: { leaving: () => ({ [Symbol.dispose]: () => {} }) },
        onRemoved: (digest) => void this.forgotten.push(digest),
      },
      { aim, pace: unbounded, after: null, ...order },
    );
    const findings: Finding[] = [];
    for await (const finding of verification.run(ending)) findings.push(finding);
    return { findings, verification };
  }

  [Symbol.asyncDispose](): Promise<void> {
    return Promise.resolve(this.#resources[Symbol.asyncDispose]());
  }
}

async function startScene(): Promise<Scene> {
  await using stack = new AsyncDisposableStack();
  const { layout } = stack.use(await storageDirectory());
  const catalog = stack.use(await SqliteCatalog.open(layout));
  const blobs = await DiskBlobStore.open(layout);
  return new Scene({ layout, blobs, catalog, resources: stack.move() });
}
