import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, rm, writeFile } from "node:fs/promises";
import { request } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { blobFile, layoutOf } from "../../src/storage/layout.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, type TestBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { runInThread } from "./run-in-thread.ts";
import type { Outcome } from "./run-sluice.ts";

const whole = "Checked 3 blobs, 1 MiB: all is right.\n";

test("verify says of an undamaged store that all is right, beside a daemon and without one", async () => {
  await using scene = await startScene();

  const beside = await scene.run(["verify"]);
  await scene.stop();
  const alone = await scene.run(["verify", "--rate", "max"]);

  assert.deepEqual(beside, { code: 0, stdout: whole, stderr: "" });
  assert.deepEqual(alone, beside);
});

test("verify lists damage and mends it with --repair only; the next pull gets the content from upstream", async () => {
  await using scene = await startScene();
  const { layer, config, mirror, hub } = scene;
  await writeFile(scene.fileOf(layer), "rotten".padEnd(layer.bytes.length));
  await rm(scene.fileOf(config));

  const told = await scene.run(["verify"]);
  const again = await scene.run(["verify"]);
  const mended = await scene.run(["verify", "--repair"]);
  const right = await scene.run(["verify"]);
  const before = hub.requests.length;
  const pulled = await mirror.get(`/v2/app/blobs/${layer.digest}`);

  assert.deepEqual(
    [told.code, told.stderr],
    [1, "sluice: 2 things are damaged: sluice verify --repair mends it\n"],
  );
  assert.deepEqual(told.stdout.split("\n").slice(0, -2).sort(), [
    `without-file  ${config.digest}  the catalog has it, but there is no file`,
    `wrong-bytes   ${layer.digest}  its bytes do not have its digest`,
  ]);
  assert.match(told.stdout, /\nChecked 2 blobs, 1 MiB: 2 damaged\.\n$/);
  assert.deepEqual(again, told);
  assert.deepEqual([mended.code, mended.stderr], [0, ""]);
  assert.match(mended.stdout, /its digest; quarantined\n/);
  assert.match(mended.stdout, /there is no file; forgotten\n/);
  assert.match(mended.stdout, /\nChecked 2 blobs, 1 MiB: 2 mended\.\n$/);
  assert.equal(right.stdout.slice(0, 16), "Checked 1 blobs,");
  assert.equal(right.code, 0);
  assert.ok(pulled.body.equals(layer.bytes));
  assert.deepEqual(
    hub.requests.slice(before).map(({ method }) => method),
    ["GET"],
  );
  assert.equal((await readdir(layoutOf(mirror.directory).quarantine)).length, 1);
  const { by, target } = mirror.logLines.find(({ msg }) => msg === "change was asked for") ?? {};
  assert.deepEqual([by, target], ["the control socket", "/api/v1/verify"]);
  const metrics = (await mirror.admin("/metrics")).body.toString();
  assert.match(metrics, /^sluice_stored_digest_mismatches_total 3$/m);
});

test("a damaged manifest is not served from memory once verify has set it aside", async () => {
  await using scene = await startScene();
  const { mirror, hub, manifest } = scene;
  await writeFile(scene.fileOf(manifest), "x".repeat(manifest.bytes.length));

  await scene.run(["verify", "--repair"]);
  const before = hub.requests.length;
  const pulled = await mirror.get(`/v2/app/manifests/${manifest.digest}`);

  assert.ok(pulled.body.equals(manifest.bytes));
  assert.equal(hub.requests.length, before + 1);
});

test("verify tells of files that sluice did not put there, leaves them alone, and ends with 0", async () => {
  await using scene = await startScene();
  await writeFile(join(layoutOf(scene.mirror.directory).blobs, "notes"), "mine");

  const { code, stdout } = await scene.run(["verify", "--repair"]);

  assert.equal(code, 0);
  assert.match(stdout, /^foreign {7}\/.*\/blobs\/notes {2}is none of sluice's\nChecked 3 blobs/);
  assert.match(stdout, /\nLeft alone: 1 that sluice did not put there\.\n$/);
});

test("one verification runs at a time, and ends when whoever asked for it leaves", async () => {
  await using scene = await startScene();
  const leaving = new AbortController();
  await scene.begin(leaving.signal);

  const refused = await scene.run(["verify"]);
  leaving.abort();
  await eventually("the verification ends", () => !scene.verifies());

  assert.equal(refused.code, 1);
  assert.equal(refused.stderr, "sluice: another verification runs: ask again when it is over\n");
});

test("a daemon that stops ends its verification, and the command says so", async () => {
  await using scene = await startScene();
  const running = scene.run(["verify", "--rate", "1B"]);
  await eventually("the verification begins", () => scene.verifies());

  await scene.stop();
  const { code, stderr } = await running;

  assert.deepEqual(
    [code, stderr],
    [1, "sluice: the daemon ended in the middle of it: run the command again\n"],
  );
});

test("verify refuses a rate that is none as wrong usage", async () => {
  await using scene = await startScene();
  for (const rate of ["fast", "0B", "50%"]) {
    const { code, stderr } = await scene.run(["verify", "--rate", rate]);
    assert.equal(code, 2);
    assert.match(stderr, /It is no rate; write for example 100MiB, or max\./);
  }
});

class Scene implements AsyncDisposable {
  readonly mirror: TestMirror;
  readonly hub: FakeUpstream;
  readonly config: TestBlob;
  readonly layer: TestBlob;
  readonly manifest: TestBlob;
  readonly #file: string;
  readonly #resources: AsyncDisposableStack;

  constructor(parts: {
    readonly mirror: TestMirror;
    readonly hub: FakeUpstream;
    readonly blobs: readonly TestBlob[];
    readonly file: string;
    readonly resources: AsyncDisposableStack;
  }) {
    const [manifest, config, layer] = parts.blobs;
    assert.ok(manifest && config && layer);
    this.mirror = parts.mirror;
    this.hub = parts.hub;
    this.manifest = manifest;
    this.config = config;
    this.layer = layer;
    this.#file = parts.file;
    this.#resources = parts.resources;
  }

  fileOf({ digest }: TestBlob): string {
    return blobFile(layoutOf(this.mirror.directory), digest);
  }

  /** A verification that takes for ever, until `signal` is aborted; resolves when it is under way. */
  begin(signal: AbortSignal): Promise<void> {
    const { promise, resolve, reject } = Promise.withResolvers<void>();
    const { controlSocket: socketPath } = layoutOf(this.mirror.directory);
    const headers = { "content-type": "application/json" };
    request({ socketPath, method: "POST", path: "/api/v1/verify", headers, signal })
      .on("response", (response) => response.once("data", () => resolve()).on("error", () => {}))
      .on("error", reject)
      .end('{"dryRun":true,"bytesPerSecond":1}');
    return promise;
  }

  /** Whether a verification runs. */
  verifies(): boolean {
    using free = this.mirror.daemon.mirror.verifier.begin({ aim: "tell", bytesPerSecond: null });
    return free === null;
  }

  run(args: readonly string[]): Promise<Outcome> {
    return runInThread({ args: [...args, "--config", this.#file], nowMs: null });
  }

  stop(): Promise<void> {
    return this.mirror[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** A mirror that has stored an image of a manifest, a config and a layer. */
async function startScene(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "sluice-verify-")));
  const file = join(path, "lab.yaml");
  await writeFile(file, "storage: { directory: stored }\n");
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(
    await TestMirror.start({ upstreams: { "docker.io": hub }, directory: join(path, "stored") }),
  );
  const image = imageOfSize("verified", 1024 ** 2);
  hub.addImage("library/app", "latest", image);
  await mirror.get("/v2/app/manifests/latest");
  for (const { digest } of image.blobs) await mirror.get(`/v2/app/blobs/${digest}`);
  await mirror.idle();
  const blobs = [image.manifest, ...image.blobs];
  return new Scene({ mirror, hub, blobs, file, resources: resources.move() });
}
