import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  mkdtempDisposable,
  open,
  readFile,
  rm,
  symlink,
  utimes,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Digest, hexOf } from "../../src/oci/digest.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob, type TestBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const changes: Readonly<Record<string, (file: string, blob: TestBlob) => Promise<void>>> = {
  "a flipped bit": async (file) => {
    await using handle = await open(file, "r+");
    await handle.write(Buffer.from([0xff, 0x00, 0xff]), 0, 3, 1000);
  },
  "a missing end": async (file, { bytes }) => await writeFile(file, bytes.subarray(0, -1)),
  "more bytes at the end": async (file, { bytes }) =>
    await writeFile(file, Buffer.concat([bytes, bytes])),
  "no bytes": async (file) => await writeFile(file, ""),
  "no file": async (file) => await rm(file),
  "a symbolic link": async (file) => {
    await rm(file);
    await symlink("/etc/hostname", file);
  },
};

for (const [name, change] of Object.entries(changes)) {
  test(`stored content that has become ${name} is never served, and heals from upstream`, async () => {
    await using scene = await storedBlob(`rot ${name}`);
    const { mirror, blob, target, file } = scene;
    await change(file, blob);

    const healed = await mirror.get(target);
    await mirror.idle();
    const warm = await mirror.get(target);

    assert.equal(healed.headers["cache-status"], "sluice; fwd=miss; stored");
    assert.deepEqual(healed.body, blob.bytes);
    assert.equal(warm.headers["cache-status"], "sluice; hit");
    assert.equal(
      createHash("sha256")
        .update(await readFile(file))
        .digest("hex"),
      hexOf(blob.digest),
    );
  });
}

test("stored content that was only touched is hashed again and stays a hit", async () => {
  await using scene = await storedBlob("touched");
  const { mirror, blob, target, file, hub } = scene;
  await utimes(file, 1, 1);

  const answer = await mirror.get(target);

  assert.equal(answer.headers["cache-status"], "sluice; hit");
  assert.deepEqual(answer.body, blob.bytes);
  assert.equal(hub.count("GET", "/blobs/"), 1);
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
  readonly blob: TestBlob;
  readonly target: string;
  /** Where the blob lies. */
  readonly file: string;
}

async function storedBlob(seed: string): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const { path: directory } = resources.use(
    await mkdtempDisposable(join(tmpdir(), "sluice-stored-")),
  );
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(
    await TestMirror.start({ upstreams: { "docker.io": hub }, directory }),
  );
  const blob = noiseBlob(seed, 100_000);
  hub.addBlob("library/app", blob);
  const target = `/v2/app/blobs/${blob.digest}`;
  await mirror.get(target);
  await mirror.idle();
  const kept = resources.move();
  const file = fileOf(directory, blob.digest);
  return { hub, mirror, blob, target, file, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function fileOf(directory: string, digest: Digest): string {
  const hex = hexOf(digest);
  return join(directory, "blobs", "sha256", hex.slice(0, 2), hex);
}
