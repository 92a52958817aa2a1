import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import Database from "better-sqlite3";
import { layoutOf } from "../../src/storage/layout.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

// The client was told 500, and the next one got from here what upstream had just refused.

const dayMs = 24 * 3_600_000;
const blob = noiseBlob("granted", 100_000);
const image = imageOfSize("tagged", 1_000);
const byDigest = `/v2/team/app/blobs/${blob.digest}`;
const byTag = "/v2/team/app/manifests/latest";

for (const status of [404, 403]) {
  for (const [what, path] of [
    ["a blob", byDigest],
    ["a tag", byTag],
  ] as const) {
    test(`while the catalog takes no writes, ${status} for ${what} is told, and ends what was known`, async () => {
      await using scene = await startScene();
      const { hub, mirror } = scene;
      assert.equal((await mirror.get(path)).status, 200);
      await mirror.idle();
      using _full = new Unwritable(mirror.directory);
      hub.overrideAll((_, response) => void response.writeHead(status).end());
      mirror.advance(8 * dayMs);

      assert.equal((await mirror.get(path)).status, status);
      await hub.down();
      mirror.advance(5_001);
      assert.equal((await mirror.get(path)).status, 502);
    });
  }
}

test("a refusal that the catalog did not take is written with the next one", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "sluice-"));
  {
    await using scene = await startScene(home.path);
    const { hub, mirror } = scene;
    await mirror.get(byDigest);
    await mirror.idle();
    hub.overrideAll((_, response) => void response.writeHead(404).end());
    mirror.advance(dayMs);
    {
      using _full = new Unwritable(mirror.directory);
      await mirror.get(byDigest);
    }
    mirror.advance(5_001);
    assert.equal((await mirror.get(byDigest)).status, 404);
  }

  await using scene = await startScene(home.path);
  await scene.hub.down();

  assert.equal((await scene.mirror.get(byDigest)).status, 502);
});

/** A catalog that forgets nothing until this is disposed. */
class Unwritable implements Disposable {
  readonly #database: Database.Database;

  constructor(directory: string) {
    this.#database = new Database(layoutOf(directory).catalogFile);
    for (const table of tables) {
      this.#database.exec(
        `CREATE TRIGGER keep_${table} BEFORE DELETE ON ${table} BEGIN SELECT RAISE(FAIL, 'full'); END`,
      );
    }
  }

  [Symbol.dispose](): void {
    for (const table of tables) this.#database.exec(`DROP TRIGGER keep_${table}`);
    this.#database.close();
  }
}

const tables = ["grants", "tags"];

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
}

async function startScene(directory?: string): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  hub.addBlob("team/app", blob);
  hub.addImage("team/app", "latest", image);
  const upstreams = { "docker.io": hub };
  const mirror = resources.use(
    await TestMirror.start({ upstreams, ...(directory === undefined ? {} : { directory }) }),
  );
  const all = resources.move();
  return { hub, mirror, [Symbol.asyncDispose]: () => all.disposeAsync() };
}
