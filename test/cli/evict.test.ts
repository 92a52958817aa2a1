import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { DirectoryLock } from "../../src/storage/directory-lock.ts";
import { layoutOf } from "../../src/storage/layout.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { runInThread } from "./run-in-thread.ts";
import { type Outcome, runSluice } from "./run-sluice.ts";

const mib = 1024 ** 2;

test("evict asks the daemon, and without one evicts by the same plan in the storage directory", async () => {
  await using scene = await startScene();

  const planned = await scene.run(["evict", "--dry-run", "--to", "0B"]);
  await scene.stop();
  const offline = await scene.run(["evict", "--dry-run", "--to", "0B"]);
  const evicted = await scene.run(["evict", "--to", "0B"]);
  const again = await scene.run(["evict", "--dry-run", "--to", "0B"]);

  assert.deepEqual([planned.code, planned.stderr], [0, ""]);
  assert.match(planned.stdout, /^Would evict 2 images and free 2 MiB, in this order:\n\nIMAGE /);
  assert.match(planned.stdout, /\n {2}docker\.io\/library\/a:latest +1 MiB .* 1\n.*b:latest/s);
  const tableOf = ({ stdout }: Outcome): string => stdout.slice(0, stdout.indexOf("\nused"));
  assert.equal(tableOf(offline), tableOf(planned));
  assert.deepEqual([evicted.code, evicted.stderr], [0, ""]);
  assert.match(evicted.stdout, /^Evicted 2 images and freed 2 MiB in 6 blobs\.\nused {5}/);
  assert.match(again.stdout, /^Nothing can go\.\nused .* of 0 B is not reached\n$/);
});

test("evict --to takes a share of maxSize, and what is pinned stays", async () => {
  await using scene = await startScene('["docker.io/library/*"]');
  await scene.stop();

  const share = await scene.run(["evict", "--dry-run", "--json", "--to", "50%"]);
  const pinned = await scene.run(["evict", "--to", "0B"]);

  const { toBytes, limitBytes } = JSON.parse(share.stdout);
  assert.deepEqual([toBytes, limitBytes], [500 * mib, 1000 * mib]);
  assert.match(
    pinned.stdout,
    /^Nothing could go\.\nused .*\npinned {3}docker\.io\/library\/a:latest and 1 more stay \(sluice pin --list\)\n$/,
  );
});

test("evict tells what is in use after it, not before", async () => {
  await using scene = await startScene();

  const { stored } = JSON.parse((await scene.run(["stats", "--json"])).stdout);
  const evicted = JSON.parse((await scene.run(["evict", "--to", "0B", "--json"])).stdout);

  // The catalog may have grown meanwhile, but not by one of the two images.
  assert.ok(evicted.usedBytes < stored.usedBytes - mib, `${evicted.usedBytes}`);
  assert.ok(!("isCut" in evicted));
});

test("evict says so where nothing was ever stored, and where the daemon does not answer", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-evict-"));
  const { path } = directory;
  const env = { SLUICE_CONFIG: join(path, "lab.yaml") };
  await writeFile(env.SLUICE_CONFIG, "storage: { directory: stored }\n");

  const nothing = await runSluice(["evict"], { cwd: path, env });
  await using scene = await startScene();
  await scene.stop();
  using _lock = DirectoryLock.acquire(layoutOf(scene.directory));
  const held = await scene.run(["evict", "--to", "0B"]);

  assert.deepEqual([nothing.code, nothing.stdout], [1, ""]);
  assert.match(nothing.stderr, /^sluice: nothing is stored in .*\/stored, which is the directory/);
  assert.deepEqual([held.code, held.stdout], [1, ""]);
  assert.match(
    held.stderr,
    /^sluice: another sluice is running in .*, and nobody answers at .*control\.sock: .* restart that daemon\n$/,
  );
});

class Scene implements AsyncDisposable {
  readonly directory: string;
  readonly #mirror: TestMirror;
  readonly #file: string;
  readonly #resources: AsyncDisposableStack;

  constructor(mirror: TestMirror, directory: string, resources: AsyncDisposableStack) {
    this.directory = join(directory, "stored");
    this.#mirror = mirror;
    this.#file = join(directory, "lab.yaml");
    this.#resources = resources;
  }

  run(args: readonly string[]): Promise<Outcome> {
    return runInThread({ args: [...args, "--config", this.#file], nowMs: null });
  }

  stop(): Promise<void> {
    return this.#mirror[Symbol.asyncDispose]();
  }

  [Symbol.asyncDispose](): Promise<void> {
    return this.#resources.disposeAsync();
  }
}

/** A mirror that has stored two images, and the configuration of it. */
async function startScene(pins = "[]"): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "sluice-evict-")));
  await writeFile(
    join(path, "lab.yaml"),
    `storage: { directory: stored, maxSize: 1000MiB }\neviction: { pins: ${pins} }\n`,
  );
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(
    await TestMirror.start({ upstreams: { "docker.io": hub }, directory: join(path, "stored") }),
  );
  for (const name of ["a", "b"]) {
    const image = imageOfSize(`told ${name}`, mib);
    hub.addImage(`library/${name}`, "latest", image);
    await mirror.get(`/v2/${name}/manifests/latest`);
    for (const { digest } of image.blobs) await mirror.get(`/v2/${name}/blobs/${digest}`);
    await mirror.idle();
    mirror.advance(60_000);
  }
  return new Scene(mirror, path, resources.move());
}
