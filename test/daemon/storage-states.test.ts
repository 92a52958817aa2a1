import assert from "node:assert/strict";
import {
  mkdir,
  mkdtempDisposable,
  readdir,
  readFile,
  rm,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { blobFile, layoutOf } from "../../src/storage/layout.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { HeldCatalog } from "../support/held-catalog.ts";
import { imageOfSize, noiseBlob, topLayerOf } from "../support/images.ts";
import { haveRoot } from "../support/real-program.ts";
import { TestMirror, type TestMirrorOptions } from "../support/test-mirror.ts";
import { Tmpfs } from "../support/tmpfs.ts";

const compared = "compared the files with the catalog";
const swept = "removed what an earlier run left behind";

function logged(mirror: TestMirror, message: string): Record<string, unknown> | null {
  return mirror.logLines.find(({ msg }) => msg === message) ?? null;
}

async function once(options: TestMirrorOptions, use: (mirror: TestMirror) => Promise<unknown>) {
  await using mirror = await TestMirror.start(options);
  await use(mirror);
  await mirror.idle();
}

test("after the loss of the catalog, files are adopted, and served again to who may have them", async () => {
  await using hub = await FakeUpstream.start();
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-adopts-"));
  const options = { upstreams: { "docker.io": hub }, directory: home.path };
  const image = imageOfSize("adopted", 200_000);
  hub.addImage("library/app", "latest", image);
  const layer = topLayerOf(image);
  const other = noiseBlob("of another repository", 10);
  hub.addBlob("team/other", other);
  await once(options, (mirror) => mirror.get(`/v2/app/blobs/${layer.digest}`));
  await rm(join(home.path, "catalog.db"));

  await using mirror = await TestMirror.start(options);
  const counts = await eventually("the scan ends", () => logged(mirror, compared));
  const refused = await mirror.get(`/v2/team/other/blobs/${layer.digest}`);
  const served = await mirror.get(`/v2/app/blobs/${layer.digest}`);

  assert.deepEqual([counts["files"], counts["adopted"], counts["forgotten"]], [1, 1, 0]);
  assert.equal(refused.status, 404);
  assert.deepEqual(served.body, layer.bytes);
  assert.equal(hub.count("GET", layer.digest), 1, "the second time it came from disk");
  assert.deepEqual(await mirror.stored(), { blobs: 1, bytes: layer.bytes.length });
});

test("adopted content that is not its digest is never served, and fetched anew", async () => {
  await using hub = await FakeUpstream.start();
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-adopts-"));
  const options = { upstreams: { "docker.io": hub }, directory: home.path };
  const blob = noiseBlob("real", 5000);
  hub.addBlob("library/app", blob);
  await once(options, (mirror) => mirror.get(`/v2/app/blobs/${blob.digest}`));
  await rm(join(home.path, "catalog.db"));
  await writeFile(blobFile(layoutOf(home.path), blob.digest), "planted");

  await using mirror = await TestMirror.start(options);
  await eventually("the scan ends", () => logged(mirror, compared));
  const { body } = await mirror.get(`/v2/app/blobs/${blob.digest}`);

  assert.deepEqual(body, blob.bytes);
  assert.equal(hub.count("GET", blob.digest), 2);
});

test("the mirror starts and serves while the files are still being compared with the catalog", async () => {
  await using hub = await FakeUpstream.start();
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-many-"));
  const blob = noiseBlob("served meanwhile", 5000);
  hub.addBlob("library/app", blob);
  await plantFiles(home.path, 1000);
  await plantLeftover(home.path);
  using held = new DisposableStack();
  const options: TestMirrorOptions = {
    upstreams: { "docker.io": hub },
    directory: home.path,
    // The scan comes behind this line, and cannot adopt anything until the catalog is let go of.
    onLogLine: ({ msg }) => {
      if (msg === swept) held.use(new HeldCatalog(home.path));
    },
  };

  await using mirror = await TestMirror.start(options);
  const ready = await mirror.get("/readyz");
  const { body } = await mirror.get(`/v2/app/blobs/${blob.digest}`);
  const before = logged(mirror, compared);
  held.dispose();

  assert.ok(logged(mirror, swept));
  assert.equal(ready.status, 200);
  assert.deepEqual(body, blob.bytes);
  assert.equal(before, null);
  const counts = await eventually("the scan ends", () => logged(mirror, compared));
  assert.equal(counts["adopted"], 1000);
  await mirror.idle();
  assert.equal((await mirror.stored()).blobs, 1001);
});

test("a mirror that is stopped in the middle of the scan leaves the rest of it to the next start", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-stopped-"));
  await plantFiles(home.path, 2000);
  const options = { upstreams: { "docker.io": "http://127.0.0.1:9" }, directory: home.path };
  const mirror = await TestMirror.start(options);

  await mirror[Symbol.asyncDispose]();

  assert.ok(!mirror.logLines.some(({ level }) => level !== "info"));
  await using next = await TestMirror.start(options);
  await eventually("the scan ends", () => logged(next, compared));
  assert.equal((await next.stored()).blobs, 2000);
});

test("lost+found and foreign files are left alone everywhere, and told once", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-foreign-"));
  const options = { upstreams: { "docker.io": "http://127.0.0.1:9" }, directory: home.path };
  await once(options, async () => {});
  const shard = join(home.path, "blobs/sha256/ab");
  for (const path of [
    home.path,
    join(home.path, "blobs"),
    join(home.path, "blobs/sha256"),
    shard,
  ]) {
    await mkdir(join(path, "lost+found"), { recursive: true });
    await writeFile(join(path, "foreign"), "precious");
  }

  await using mirror = await TestMirror.start(options);
  const counts = await eventually("the scan ends", () => logged(mirror, compared));

  assert.equal(counts["foreign"], 6);
  assert.equal(counts["level"], "warn");
  assert.equal(await readFile(join(shard, "foreign"), "utf8"), "precious");
  assert.ok((await readdir(home.path)).includes("lost+found"));
  assert.equal(mirror.logLines.filter(({ msg }) => msg === compared).length, 1);
});

test("a damaged catalog fails no pull; readiness says it, and the next start mends it", async () => {
  await using hub = await FakeUpstream.start();
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-damaged-"));
  const options = { upstreams: { "docker.io": hub }, directory: home.path };
  const blob = noiseBlob("pulled all the same", 5000);
  hub.addBlob("library/app", blob);
  await plantFiles(home.path, 3000);
  await once(options, (mirror) => eventually("the scan ends", () => logged(mirror, compared)));
  await damageBlobs(join(home.path, "catalog.db"));
  await once(options, async (mirror) => {
    await eventually("the damage is met", async () => (await mirror.get("/readyz")).status === 503);
    const { body } = await mirror.get(`/v2/app/blobs/${blob.digest}`);
    const { reasons } = JSON.parse((await mirror.admin("/readyz")).body.toString());

    assert.deepEqual(body, blob.bytes);
    assert.match(String(reasons), /the catalog fails: .* is damaged\. Restart sluice/);
  });

  await using mirror = await TestMirror.start(options);

  assert.equal((await mirror.get("/readyz")).status, 200);
  assert.ok(logged(mirror, "catalog was corrupt, began a new one"));
  const counts = await eventually("the scan ends", () => logged(mirror, compared));
  assert.equal(counts["adopted"], counts["files"]);
});

test("the storage directory may be a symbolic link to another file system", async (t) => {
  if (!haveRoot(t)) return;
  await using hub = await FakeUpstream.start();
  await using disk = await Tmpfs.mount("size=64m");
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-linked-"));
  const directory = join(home.path, "storage");
  await symlink(disk.path, directory);
  const blob = noiseBlob("elsewhere", 5000);
  hub.addBlob("library/app", blob);
  const options = {
    upstreams: { "docker.io": hub },
    directory,
    minFree: { kind: "bytes", bytes: 1 },
  } as const;

  await once(options, (mirror) => mirror.get(`/v2/app/blobs/${blob.digest}`));

  assert.deepEqual(await readFile(blobFile(layoutOf(disk.path), blob.digest)), blob.bytes);
});

/** Small content under its digests, without rows. */
async function plantFiles(directory: string, count: number): Promise<void> {
  const layout = layoutOf(directory);
  const shards = Array.from({ length: 256 }, (_, at) => at.toString(16).padStart(2, "0"));
  for (const shard of shards) {
    await mkdir(join(layout.blobs, "sha256", shard), { recursive: true, mode: 0o700 });
  }
  for (let at = 0; at < count; at += 500) {
    const texts = Array.from({ length: 500 }, (_, index) => `planted ${at + index}`);
    await Promise.all(
      texts.map((text) => writeFile(blobFile(layout, digestOf(Buffer.from(text))), text)),
    );
  }
}

/** Half a blob, as a crash leaves it. */
async function plantLeftover(directory: string): Promise<void> {
  const { ingest } = layoutOf(directory);
  await mkdir(ingest, { recursive: true, mode: 0o700 });
  await writeFile(join(ingest, "half-a-blob"), "half");
}

/** Overwrites the second half of the file, which opening does not look at. */
async function damageBlobs(path: string): Promise<void> {
  const bytes = await readFile(path);
  await writeFile(path, bytes.fill(0xff, 4096 * Math.floor(bytes.length / 8192)));
}
