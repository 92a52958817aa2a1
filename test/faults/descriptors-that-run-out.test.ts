import assert from "node:assert/strict";
import { text } from "node:stream/consumers";
import { type TestContext, test } from "node:test";
import { askDaemon } from "../../src/cli/control.ts";
import { layoutOf } from "../../src/storage/layout.ts";
import type { CheckedAnswer, CheckingClient } from "../support/checking-client.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { haveAll, programPath } from "../support/real-program.ts";
import { mustRun } from "../support/run-program.ts";
import type { SeededContent } from "../support/seeded-content.ts";

const fewFiles = "--nofile=128:128";

const canRun = (t: TestContext): boolean => haveAll(t, "prlimit");

test("whoever finds no descriptor is told, and who was before is served", async (t) => {
  if (!canRun(t)) return;
  const through = [programPath("prlimit"), fewFiles];
  await using scene = await FaultProcessScene.start({ through });
  // More than the kernel takes for a client that reads nothing.
  const content = scene.upstream.blob("held", 16_000_000);
  await scene.pullWhole("good", content);

  const held: CheckingClient[] = [];
  for (;;) {
    const client = scene.open("good", content);
    const { status } = await client.when(() => true);
    if (status !== 200) {
      assert.equal(status, 503);
      break;
    }
    client.pause();
    held.push(client);
    assert.ok(held.length < 128, "each of them holds one");
  }
  const cold = await scene.pull("good", scene.upstream.blob("cold, held", 200_000));
  assert.equal(cold.status, 503);
  const [first, ...others] = held;
  for (const client of others) client.reset();
  first?.resume();
  const answer = await first?.end();

  assert.deepEqual([answer?.complete, answer?.trueBytes], [true, content.sizeBytes]);
  await assertWellAgain(scene);
});

test("500 clients of a mirror with 128 descriptors are served or turned away, cold and warm", async (t) => {
  if (!canRun(t)) return;
  const through = [programPath("prlimit"), fewFiles];
  await using scene = await FaultProcessScene.start({ through });
  const warm = scene.upstream.blob("warm", 1_000_000);
  await scene.pullWhole("good", warm);

  const warmly = await storm(scene, () => warm);
  const coldly = await storm(scene, (at) => scene.upstream.blob(`cold ${at}`, 200_000));

  for (const { answers, probed } of [warmly, coldly]) {
    const whole = answers.filter(({ status, complete }) => status === 200 && complete);
    const cut = answers.filter(({ status, complete }) => status === 200 && !complete);
    assert.ok(whole.length > 0, "nobody was served");
    assert.deepEqual(cut, [], "who is served is served whole");
    // 0 is a connection that waited in vain: how many do, and how many are told, depends on the machine.
    const otherwise = statusesOf(answers, [200]);
    assert.ok(otherwise.isSubsetOf(new Set([0, 503])), [...otherwise].join(" "));
    assert.equal(probed, 200, "the control socket is open all the while");
  }
  await assertWellAgain(scene);
});

test("a mirror without any descriptor left blames no upstream, and is well when there are some again", async (t) => {
  if (!canRun(t)) return;
  await using scene = await FaultProcessScene.start();
  const warm = scene.upstream.blob("warm", 1_000_000);
  await scene.pullWhole("good", warm);
  // So late that it counts on many more.
  await mustRun(programPath("prlimit"), ["--pid", `${scene.sluice.pid}`, fewFiles]);

  const warmly = await storm(scene, () => warm);
  const coldly = await storm(scene, (at) => scene.upstream.blob(`cold ${at}`, 200_000));

  for (const { answers } of [warmly, coldly])
    assert.ok([...statusesOf(answers, [])].every((status) => [0, 200, 503].includes(status)));
  assert.deepEqual(
    scene.sluice.log.filter(({ msg }) => msg === "endpoint left alone"),
    [],
  );
  await assertWellAgain(scene);
});

interface Storm {
  readonly answers: readonly CheckedAnswer[];
  /** What the control socket answered meanwhile; null if it did not. */
  readonly probed: number | null;
}

/** 500 clients at once; none of them is given anything wrong. */
async function storm(
  scene: FaultProcessScene,
  contentOf: (at: number) => SeededContent,
): Promise<Storm> {
  const clients = Array.from({ length: 500 }, (_, at) => scene.pull("good", contentOf(at)));
  const probing = askDaemon(layoutOf(scene.directory), { path: "/readyz" });
  const probed = await probing.then(statusOf, () => null);
  return { answers: await Promise.all(clients), probed };
}

async function statusOf(answer: Awaited<ReturnType<typeof askDaemon>>): Promise<number | null> {
  if (answer === null) return null;
  await text(answer.body);
  return answer.status;
}

function statusesOf(answers: readonly CheckedAnswer[], without: readonly number[]): Set<number> {
  const statuses = answers.map(({ status }) => status);
  return new Set(statuses.filter((status) => !without.includes(status)));
}

/** What was refused before is had now, each blob by one question; and nothing is left over. */
async function assertWellAgain(scene: FaultProcessScene): Promise<void> {
  for (let at = 0; at < 10; at++)
    await scene.pullWhole("good", scene.upstream.blob(`after ${at}`, 200_000));
  for (let at = 490; at < 500; at++)
    await scene.pullWhole("good", scene.upstream.blob(`cold ${at}`, 200_000));
  await scene.assertSound();
}
