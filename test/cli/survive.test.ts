import assert from "node:assert/strict";
import { test } from "node:test";
import type { SurviveAnswer } from "../../src/admin/routes/survive.ts";
import { renderSurvival } from "../../src/cli/commands/survive.ts";
import { imageOfSize, runnableImage, type TestImage } from "../support/images.ts";
import { CommandScene } from "./command-scene.ts";
import { assertPrintedInBoth } from "./printed-json.ts";

const nowMs = Date.parse("2026-02-01T00:00:00Z");

test("survive names the images that would not survive an outage, with what is wrong, and ends with 0", async () => {
  await using scene = await startScene();

  const { code, stdout, stderr } = await scene.run("survive");

  assert.deepEqual([code, stderr], [0, ""]);
  const [verdict, blank, name, problem, ...others] = stdout.split("\n");
  assert.equal(verdict, "1 of 2 images would survive an outage (pulled in the last 7 days).");
  assert.equal(blank, "");
  assert.match(name ?? "", /^docker\.io\/library\/half:1 {2}\d+d ago, 1 in all$/);
  assert.match(problem ?? "", /^ {2}1 blob \([\d.]+ \w+\) not here: evicted, or never pulled$/);
  assert.deepEqual(others, [""]);
});

test("survive without a daemon looks at the storage directory, by the machine's clock", async () => {
  await using scene = await startScene();
  await scene.stop();
  const { code, stdout } = await scene.run("survive");
  assert.equal(code, 0);
  // The images of the test were pulled in January, which is longer ago than seven days.
  assert.equal(stdout, "No image was pulled in the last 7 days.\n");
});

test("survive --json is what programs were promised, beside a daemon and without one", async () => {
  await using scene = await startScene();
  await assertPrintedInBoth(scene, "survive.json", ["survive"]);
});

test("survive foretells what pulls get in an outage", async () => {
  await using scene = await startScene();
  const { mirror } = scene;
  const { endangered } = await survival(scene);
  await scene.hub.down();
  mirror.advance(300_000);

  const pulled = async (name: string, image: TestImage): Promise<boolean> => {
    const [child = image] = image.children;
    const paths = [
      "manifests/1",
      `manifests/${child.manifest.digest}`,
      ...child.blobs.map(({ digest }) => `blobs/${digest}`),
    ];
    for (const path of paths) {
      if ((await mirror.get(`/v2/${name}/${path}`)).status !== 200) return false;
    }
    return true;
  };

  assert.deepEqual(
    endangered.map(({ name }) => name),
    ["docker.io/library/half:1"],
  );
  assert.equal(await pulled("whole", whole), true);
  assert.equal(await pulled("half", half), false);
});

test("survive names an image that was evicted since its pull, unless its tag means another one now", async () => {
  await using scene = await startScene();
  const { mirror } = scene;
  await mirror.daemon.mirror.evictor.evict({ toBytes: 0 });
  const moved = imageOfSize("moved", 500);
  scene.hub.addImage("library/half", "1", moved);
  await scene.pull("half", "1", moved);

  const { images, survive, endangered } = await survival(scene);

  assert.deepEqual([images, survive], [2, 1]);
  assert.deepEqual(
    endangered.map(({ name, problems }) => [name, problems[0]?.kind]),
    [["docker.io/library/whole:1", "gone"]],
  );
});

test("survive leaves out what was pulled longer ago, and names tags that will be too old to be served", async () => {
  await using scene = await startScene();
  scene.mirror.advance(31 * 86_400_000);
  assert.equal((await survival(scene)).images, 0);

  await using young = await startScene({ staleIfErrorMs: 60_000 });
  const { endangered } = await survival(young);

  assert.deepEqual(
    endangered.map(({ problems }) => problems[0]?.kind),
    ["too-old", "too-old"],
  );
});

test("survive refuses days that the log of pulls does not reach, or that are none", async () => {
  await using scene = await startScene();
  for (const days of ["0", "31", "x"]) {
    assert.equal((await scene.run("survive", "--days", days)).code, 2, days);
    assert.equal((await scene.mirror.admin(`/api/v1/survive?days=${days}`)).status, 400, days);
  }
});

test("long names in survive stay within 80 columns", () => {
  const text = renderSurvival(
    {
      days: 1,
      images: 43,
      survive: 41,
      unseen: 7,
      goneUnnamed: 3,
      endangered: [
        {
          name: `registry.internal:5000/${"long/".repeat(40)}name:tag`,
          platforms: [],
          lastPullAt: "2026-01-31T00:00:00.000Z",
          pulls: 12_345,
          problems: [{ kind: "unproven", count: 1_000, bytes: 123_456_789 }],
        },
      ],
    },
    nowMs,
    80,
  );
  assert.match(text, /^41 of 43 images would survive an outage \(pulled in the last day\)\.\n/);
  for (const line of text.split("\n")) assert.ok(line.length <= 80, line);
});

const whole = runnableImage("survives");
const half = imageOfSize("does not", 1000);

async function survival({ mirror }: CommandScene): Promise<SurviveAnswer> {
  return JSON.parse((await mirror.admin("/api/v1/survive?days=7")).body.toString());
}

/** An image of which one platform was pulled, and one without its layer. */
async function startScene(freshness = {}): Promise<CommandScene> {
  const scene = await CommandScene.start({ freshness });
  scene.hub.addImage("library/whole", "1", whole);
  await scene.pull("whole", "1", whole);
  scene.hub.addImage("library/half", "1", half);
  await scene.pull("half", "1", { ...half, blobs: half.blobs.slice(0, 1) });
  return scene;
}
