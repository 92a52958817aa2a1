import assert from "node:assert/strict";
import { statfs } from "node:fs/promises";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { auditStore } from "../support/fault-oracles.ts";
import { FaultScene } from "../support/fault-scene.ts";
import { haveRoot } from "../support/real-program.ts";
import type { SeededContent } from "../support/seeded-content.ts";
import { Tmpfs } from "../support/tmpfs.ts";

const mib = 1024 * 1024;

/** All of a small file system is the mirror's to fill. */
const greedy = {
  maxSize: { kind: "share", share: 1 },
  minFree: { kind: "bytes", bytes: 1 },
} as const;

test("a blob larger than the disk passes through, to each client and range", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=24m,nr_inodes=2000");
  await using scene = await FaultScene.start({ directory: disk.path, ...greedy });
  const content = scene.upstream.blob("larger than the disk", 30 * mib);
  const warm = await storedBlob(scene, "warm");

  const range = `bytes=${26 * mib}-`;
  const [part] = await Promise.all([
    scene.pull("good", content, { headers: { range } }),
    scene.pullWhole("good", content),
    scene.pullWhole("good", content),
  ]);

  assert.equal(part.status, 206);
  assert.equal(part.trueBytes, 4 * mib);
  assert.equal((await scene.pullWhole("good", warm)).headers["cache-status"], "sluice; hit");
  await assertUnstoredWereCounted(scene);
  await scene.assertSound({ stored: [warm], unstored: [content] });
});

test("a blob larger than the disk, of a length nobody has said, goes on past the end of the room", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=24m,nr_inodes=2000");
  await using scene = await FaultScene.start({ directory: disk.path, ...greedy });
  const content = scene.upstream.blob("unknown and larger", 30 * mib);

  await Promise.all([scene.pullWhole("chunked", content), scene.pullWhole("chunked", content)]);

  await scene.assertSound({ unstored: [content] });
  await assertStoresAgain(scene);
});

test("a disk that somebody else fills in the middle of a fill costs nobody a byte, and storing resumes when there is room", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=24m,nr_inodes=2000");
  await using scene = await FaultScene.start({ directory: disk.path, ...greedy });
  const warm = await storedBlob(scene, "warm");
  const content = scene.upstream.blob("filled by others", 16 * mib);
  const release = scene.upstream.hold(content, 8 * mib);
  const clients = [1, 2, 3].map(() => scene.open("good", content));
  for (const client of clients) await client.when(({ bodyBytes }) => bodyBytes === 8 * mib);
  using late = scene.open("good", content, { headers: { range: `bytes=${12 * mib}-` } });

  await disk.fillUp();
  release();

  for (const client of clients) {
    const { complete, trueBytes } = await scene.finish(client, "good", content);
    assert.ok(complete && trueBytes === content.sizeBytes, `${trueBytes}`);
  }
  const part = await late.end();
  assert.ok(part.complete && part.trueBytes === 4 * mib, `${part.trueBytes}`);
  assert.equal((await scene.pullWhole("good", warm)).headers["cache-status"], "sluice; hit");
  await assertUnstoredWereCounted(scene);
  await scene.assertSound({ stored: [warm], unstored: [content] });
  await disk.makeRoom();
  await assertStoresAgain(scene, content);
});

test("what somebody else takes of the disk is made free by evicting, down to minFree", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=96m,nr_inodes=2000");
  const minFree = { kind: "bytes", bytes: 8 * mib } as const;
  await using scene = await FaultScene.start({
    directory: disk.path,
    maxSize: greedy.maxSize,
    minFree,
  });
  for (let at = 0; at < 10; at++) {
    await scene.pullWhole("good", scene.upstream.blob(`before ${at}`, 5 * mib));
    await scene.mirror.idle();
  }
  await disk.fillUp(2 * mib);
  const content = scene.upstream.blob("after", 10 * mib);

  await scene.pullWhole("good", content);

  await scene.assertSound({ stored: [content] });
  const { bavail, bsize } = await statfs(disk.path);
  assert.ok(bavail * bsize >= minFree.bytes, `${bavail * bsize} bytes are free`);
});

test("wrong bytes are cut although the disk filled up before they came", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=24m,nr_inodes=2000");
  await using scene = await FaultScene.start({ directory: disk.path, ...greedy });
  for (const fault of ["flip-first", "flip-last"]) {
    const content = scene.upstream.blob(`full and wrong ${fault}`, 16 * mib);
    const release = scene.upstream.hold(content, 8 * mib);
    using client = scene.open(fault, content);
    await client.when(({ bodyBytes }) => bodyBytes === 8 * mib);

    await disk.fillUp();
    release();

    assert.equal((await scene.finish(client, fault, content)).complete, false, fault);
    await disk.makeRoom();
  }
  await scene.assertSound();
});

test("where others take all inodes, content is evicted for new content", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=24m,nr_inodes=1000");
  await using scene = await FaultScene.start({ directory: disk.path, ...greedy });
  const old = Array.from({ length: 150 }, (_, at) => scene.upstream.blob(`old ${at}`, 10_000));
  for (const content of old) await scene.pullWhole("good", content);
  await disk.takeInodes();

  const content = await storedBlob(scene, "new");

  assert.equal((await scene.pullWhole("good", content)).headers["cache-status"], "sluice; hit");
  assert.ok((await statfs(disk.path)).ffree > 0);
  // Some files are kept free, and not more goes than that takes.
  await scene.assertSound({ stored: [content] });
  const { digests } = await auditStore(disk.path);
  assert.ok(digests.size > 50 && digests.size < 120, `${digests.size}`);
});

test("without a free inode blobs pass through, and are stored when there are some again", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=24m,nr_inodes=500");
  // Else some would be made free.
  const pins = ["*"];
  await using scene = await FaultScene.start({ directory: disk.path, ...greedy, pins });
  const warm = await storedBlob(scene, "warm");
  await disk.takeInodes();
  const contents = [1, 40_000, 3 * mib].map((size) =>
    scene.upstream.blob(`no inode ${size}`, size),
  );

  await Promise.all(contents.map((content) => scene.pullWhole("good", content)));

  assert.equal((await scene.pullWhole("good", warm)).headers["cache-status"], "sluice; hit");
  await scene.assertSound({ stored: [warm], unstored: contents });
  await disk.makeRoom();
  for (const content of contents) await assertStoresAgain(scene, content);
});

test("a catalog that cannot grow fails no pull, and takes rows again when there is room", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=24m,nr_inodes=2000");
  // Else room would be made.
  const pins = ["*"];
  // More than there is, so that only the disk itself says no.
  const maxSize = { kind: "bytes", bytes: 1024 * mib } as const;
  await using scene = await FaultScene.start({ directory: disk.path, ...greedy, maxSize, pins });
  const warm = await storedBlob(scene, "warm");
  // Each pull alone, so that blobs find the pages that are left and the catalog finds none.
  await disk.fillUp(64 * 1024);
  const contents = Array.from({ length: 40 }, (_, at) => scene.upstream.blob(`tiny ${at}`, 3000));

  for (const content of contents) {
    await scene.pullWhole("good", content);
    await scene.mirror.idle();
  }
  await disk.fillUp();
  const more = Array.from({ length: 10 }, (_, at) => scene.upstream.blob(`none ${at}`, 3000));
  for (const content of more) await scene.pullWhole("good", content);

  assert.ok(
    scene.mirror.logLines.some(({ err }) => JSON.stringify(err)?.includes("disk is full")),
    "the catalog had room after all",
  );
  assert.equal((await scene.pullWhole("good", warm)).headers["cache-status"], "sluice; hit");
  await scene.assertSound({ stored: [warm] });
  await disk.makeRoom();
  for (const content of [...contents, ...more]) await assertStoresAgain(scene, content);
  await scene.assertSound({ stored: [...contents, ...more] });
});

async function storedBlob(scene: FaultScene, seed: string): Promise<SeededContent> {
  const content = scene.upstream.blob(seed, mib);
  await scene.pullWhole("good", content);
  await scene.mirror.idle();
  return content;
}

async function assertUnstoredWereCounted(scene: FaultScene): Promise<void> {
  const { values } = await scene.mirror.daemon.metrics.unstoredFills.get();
  assert.ok((values[0]?.value ?? 0) > 0, "operators can see it");
}

/** Without a restart: the next pull is stored, and the one after it a hit. */
async function assertStoresAgain(
  scene: FaultScene,
  content: SeededContent = scene.upstream.blob("room again", mib),
): Promise<void> {
  await eventually(`${content.seed} is stored`, async () => {
    const { headers } = await scene.pullWhole("good", content);
    await scene.mirror.idle();
    return headers["cache-status"] === "sluice; hit";
  });
}
