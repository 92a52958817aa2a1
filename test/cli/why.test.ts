import assert from "node:assert/strict";
import { test } from "node:test";
import type { WhyAnswer } from "../../src/admin/routes/why.ts";
import { imageOfSize } from "../support/images.ts";
import { CommandScene } from "./command-scene.ts";
import { assertPrintedInBoth } from "./printed-json.ts";

const image = imageOfSize("why", 1000);

test("why tells in words what a pull would do and asks nobody, beside a daemon and without one", async () => {
  await using scene = await startScene();
  const asked = scene.hub.requests.length;

  const { code, stdout, stderr } = await scene.run("why", "app:1");
  await scene.stop();
  const offline = await scene.run("why", "docker.io/app:1");

  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(
    stdout,
    /^docker\.io\/library\/app:1\npull +docker\.io is asked first; after a second/,
  );
  assert.match(stdout, /\nroute +to docker\.io, the default: /);
  assert.match(
    stdout,
    /\nrule +freshness; no rule matches: a tag is believed for 1m, in an outage for\n +30d\n/,
  );
  assert.match(stdout, /\nknown +sha256:[0-9a-f]{12}…, checked \d+d ago, proven \d+d ago/);
  assert.match(stdout, /\ncontent +2 of config and layers here\n/);
  assert.match(stdout, /\nendpoint +127\.0\.0\.1:\d+ is asked\n/);
  assert.match(
    stdout,
    /\noutage +if docker\.io gave no answer, a client would get all that is here\n$/,
  );
  for (const line of stdout.split("\n")) assert.ok(line.length <= 80, line);
  assert.match(offline.stdout, /\nroute +to docker\.io, which the name begins with\n/);
  assert.equal(scene.hub.requests.length, asked);
});

test("why --json is what programs were promised, beside a daemon and without one", async () => {
  await using scene = await startScene();
  await assertPrintedInBoth(scene, "why.json", ["why", "app:1"]);
});

test("why tells whether a caller may pull, and which rule decides", async () => {
  await using scene = await startScene();
  const anywhere = { networks: null, denial: null };
  scene.mirror.reloadServer({
    access: [
      { match: "docker.io/library/app", users: ["alice"], ...anywhere },
      { match: "*", users: ["logged-in"], networks: null, denial: "ask alice" },
    ],
  });
  const callerIn = async (...args: string[]): Promise<string | undefined> => {
    const { stdout } = await scene.run("why", "app:1", ...args);
    return /\ncaller +(.*)\n/.exec(stdout)?.[1];
  };

  assert.equal(await callerIn("--user", "alice"), "alice may pull it, by server.access[0]");
  assert.equal(
    await callerIn("--user", "bob", "--from", "10.0.0.7"),
    "bob from 10.0.0.7 is refused with 403, by server.access[1]: ask alice",
  );
  assert.equal(
    await callerIn("--from", "10.0.0.7"),
    "who has not logged in from 10.0.0.7 is asked to log in (401)",
  );
  assert.equal(await callerIn(), undefined);
  const { code, stderr } = await scene.run("why", "app:1", "--from", "nowhere");
  assert.equal(code, 2);
  assert.match(stderr, /It is not an address; write for example 10\.0\.0\.7/);
});

test("why foretells what the next pull does", async () => {
  await using scene = await startScene();
  const { mirror, hub } = scene;
  const told = async (name: string): Promise<string> => (await whyOf(scene, name)).verdict;
  const pulled = async (name: string): Promise<string> => {
    const answer = await mirror.get(`/v2/${name}`);
    return `${answer.status} ${answer.headers["cache-status"]}`;
  };

  assert.equal(await told("app:1"), "asked-first");
  assert.match(await pulled("app/manifests/1"), /^200 .*revalidated|^200 .*fwd=stale/);
  assert.equal(await told("app:1"), "answered");
  const asked = hub.requests.length;
  assert.match(await pulled("app/manifests/1"), /^200 .*hit/);
  assert.equal(hub.requests.length, asked);

  assert.equal(await told("nothing:1"), "asked");
  assert.match(await pulled("nothing/manifests/1"), /^404/);
  assert.equal(await told("nothing:1"), "not-found");

  mirror.advance(120_000);
  await hub.down();
  assert.equal(await told("app:1"), "asked-first");
  assert.match(await pulled("app/manifests/1"), /^200/);
  assert.equal(await told("app:1"), "answered-stale");
  mirror.advance(31 * 86_400_000);
  const old = await whyOf(scene, "app:1");
  assert.deepEqual(old.outage, [{ kind: "too-old", count: 0, bytes: 0 }]);
  assert.match(await pulled("app/manifests/1"), /^50/);
});

test("why of a digest knows nothing fresh or stale: it is here and proven, or asked for", async () => {
  await using scene = await startScene();
  const name = `app@${image.manifest.digest}`;

  const here = await whyOf(scene, name);
  const elsewhere = await whyOf(scene, `ghcr.io/owner/${name}`);

  assert.equal(here.verdict, "answered");
  assert.equal(elsewhere.verdict, "asked-first");
  assert.deepEqual(
    elsewhere.outage.map(({ kind }) => kind),
    ["unproven"],
  );
});

test("why tells how much of an image is missing, and that it would not survive an outage", async () => {
  await using scene = await startScene();
  const half = imageOfSize("half", 1000);
  scene.hub.addImage("library/half", "1", half);
  await scene.pull("half", "1", { ...half, blobs: half.blobs.slice(0, 1) });

  const { outage, content } = await whyOf(scene, "half:1");

  assert.deepEqual(content, { here: 1, missing: 1, arriving: 0 });
  assert.deepEqual(
    outage.map(({ kind, count }) => [kind, count]),
    [["missing", 1]],
  );
});

async function whyOf({ mirror }: CommandScene, name: string): Promise<WhyAnswer> {
  const { body } = await mirror.admin(`/api/v1/why?image=${encodeURIComponent(name)}`);
  return JSON.parse(body.toString());
}

async function startScene(): Promise<CommandScene> {
  const scene = await CommandScene.start();
  scene.hub.addImage("library/app", "1", image);
  await scene.pull("app", "1", image);
  return scene;
}
