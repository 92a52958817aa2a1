import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../support/ask.ts";
import type { CheckedAnswer } from "../support/checking-client.ts";
import { eventually } from "../support/eventually.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { haveAll, programPath } from "../support/real-program.ts";

// So long that no wait ends while the test looks: only what is bounded by numbers keeps the others served.
const timeouts = { connect: "1h", headers: "1h", answer: "1h", bodyIdle: "1h" };

// 53 connections of clients, as `usualConnections` has it; half of them may wait for one upstream, and as many are left.
const fewFiles = "--nofile=256:256";
const share = 27;

test("500 clients of an upstream that never answers keep nobody from another, with 256 descriptors", async (t) => {
  if (!haveAll(t, "prlimit")) return;
  const through = [programPath("prlimit"), fewFiles];
  await using scene = await FaultProcessScene.start({ through, timeouts });
  const warm = scene.upstream.blob("warm", 300_000);
  await scene.pullWhole("beside.test/good", warm);

  await using flood = await stalledClients(scene);

  for (let at = 0; at < 20; at++) {
    await scene.pullWhole("beside.test/good", warm);
    await scene.pullWhole("beside.test/good", scene.upstream.blob(`cold ${at}`, 300_000));
  }
  const refused = flood.answers.filter(({ status }) => status === 503);
  assert.ok(refused.length > 0, "who may not wait is told at once");
  const named = refused.filter(({ text }) => text.includes("faults.test is not asked now"));
  assert.ok(named.every(({ headers }) => headers["retry-after"] === "5"));
  assert.ok(named.length > 0, String(refused[0]?.text));
  const metrics = (await ask(`${scene.sluice.adminUrl}/metrics`)).bytes.toString();
  assert.match(
    metrics,
    /^sluice_upstream_refused_total\{upstream="faults.test",reason="clients"\} [1-9]/m,
  );
  assert.match(metrics, /^sluice_upstream_awaited_by_requests\{upstream="beside.test"\} 0$/m);
  const begun = scene.sluice.log.filter(
    ({ msg }) => msg === "pulls are refused, for the upstream is slow",
  );
  assert.ok(begun.length >= 1 && begun.length <= 2, "told once of each bound");
});

interface Flood extends AsyncDisposable {
  /** Of those who were sent away. */
  readonly answers: readonly CheckedAnswer[];
}

/** As many as may wait do, each for a blob of its own; the others have been sent away. */
async function stalledClients(scene: FaultProcessScene): Promise<Flood> {
  const answers: CheckedAnswer[] = [];
  const clients = Array.from({ length: 500 }, (_, at) =>
    scene.open("stall-at-once", scene.upstream.blob(`stalled ${at}`, 300_000)),
  );
  const ends = clients.map(async (client) => void answers.push(await client.end()));
  await eventually("as many wait as may, and nobody else", () => answers.length === 500 - share);
  return {
    answers: [...answers],
    async [Symbol.asyncDispose]() {
      for (const client of clients) client[Symbol.dispose]();
      await Promise.all(ends);
    },
  };
}
