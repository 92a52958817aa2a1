import assert from "node:assert/strict";
import { test } from "node:test";
import { hidings, PrivateLab, refusedTargets } from "../support/private-lab.ts";

// On a machine with nothing else to do, for other work is noise here. That refusals cost the same questions is asserted in
// test/faults/private-content-stays-private.test.ts.
for (const hiding of hidings) {
  const { access, refusal } = hiding;
  test(`no refusal tells by its time what is here: ${access} access, hidden by ${refusal}`, async () => {
    await using lab = await PrivateLab.start(hiding);
    for (const targets of await refusedTargets(lab, hiding)) await assertSameTime(lab, targets);
  });
}

const rounds = 200;
const differenceMs = 5;

// Taken in turns, all are slowed alike by what else the machine does. A machine that is too busy for that is not so for
// three times; what one of them does more, it does each time.
const tries = 3;

/** The medians of the times of these requests differ by less than 5 ms. */
async function assertSameTime(lab: PrivateLab, targets: readonly string[]): Promise<void> {
  const seen: string[] = [];
  for (let attempt = 0; attempt < tries; attempt++) {
    const medians = await mediansOf(lab, targets);
    if (Math.max(...medians) - Math.min(...medians) < differenceMs) return;
    seen.push(medians.map((ms) => ms.toFixed(1)).join(", "));
  }
  assert.fail(`${targets.join(" ")} took ${seen.join(" and then ")} ms`);
}

async function mediansOf(lab: PrivateLab, targets: readonly string[]): Promise<number[]> {
  const times: number[][] = targets.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, target] of targets.entries()) {
      const startedMs = performance.now();
      const { status } = await lab.get(target);
      times[at]?.push(performance.now() - startedMs);
      assert.ok(status === 403 || status === 404);
    }
  }
  return times.map((all) => all.toSorted((one, other) => one - other)[rounds / 2] ?? 0);
}
