import assert from "node:assert/strict";
import { mkdtempDisposable, open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Digest, hexOf } from "../../src/oci/digest.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { noiseBlob } from "../support/images.ts";
import { pullBlob } from "../support/pull-blob.ts";
import { pushBlob } from "../support/push.ts";
import { haveAll } from "../support/real-program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";

test("an upstream whose disk has rotted never yields a complete answer, and heals when it has", async (t) => {
  if (!haveAll(t, "docker-registry")) return;
  const blob = noiseBlob("rotten", 3 * 1024 * 1024);
  await using content = await mkdtempDisposable(join(tmpdir(), "registry-"));
  await using hub = await DockerRegistry.start({ directory: content.path });
  await pushBlob(hub.url, "library/app", blob);
  await using mirror = await SluiceProcess.start({ upstreams: standIns(hub) });

  await flipFirstByte(content.path, blob.digest);
  for (let attempt = 0; attempt < 2; attempt += 1) {
    const rotten = await pullBlob(mirror.url, "app", blob.digest);
    assert.equal(rotten.headers["content-length"], String(blob.bytes.length));
    await assert.rejects(rotten.digest, "cut before its last byte");
  }

  await flipFirstByte(content.path, blob.digest);
  const healed = await pullBlob(mirror.url, "app", blob.digest);
  assert.equal(await healed.digest, blob.digest);
});

async function flipFirstByte(directory: string, digest: Digest): Promise<void> {
  const hex = hexOf(digest);
  const blobs = join(directory, "docker/registry/v2/blobs/sha256");
  await using file = await open(join(blobs, hex.slice(0, 2), hex, "data"), "r+");
  const byte = Buffer.alloc(1);
  await file.read(byte, 0, 1, 0);
  await file.write(Buffer.from([byte.readUInt8(0) ^ 1]), 0, 1, 0);
}
