import assert from "node:assert/strict";
import { test } from "node:test";
import { neverDigest, PrivateLab, type PrivateLabOptions } from "../support/private-lab.ts";

// On a machine with nothing else to do: other work is noise here. That refusals cost the same questions is asserted in
// test/pull/who-may-have-what.test.ts.
// A question more takes 10 ms, so that it cannot hide in what a busy machine makes of 5 ms.
const timings: readonly PrivateLabOptions[] = [
  { access: "public", refusal: 401 },
  { access: "public", refusal: 404 },
  { access: "shared", refusal: 401 },
  { access: "shared", refusal: 403 },
  { access: "shared", refusal: 404 },
];

for (const options of timings) {
  const { access, refusal } = options;
  test(`no refusal tells by its time what is here: ${access} access, hidden by ${refusal}`, async () => {
    await using lab = await PrivateLab.start({ ...options, answersAfterMs: 10 });
    lab.reload({ access: "shared" });
    await lab.mirror.get(`/v2/team/secret/blobs/${lab.secret.digest}`);
    await lab.mirror.get("/v2/team/secret/manifests/1");
    await lab.mirror.idle();
    lab.reload({ access: access ?? "public" });
    const [config] = lab.privateImage.blobs;
    assert.ok(config);
    const place = access === "public" ? "/v2/team/secret" : "/v2/nobody/else";
    const manifest = lab.privateImage.manifest.digest;

    for (const [cached, uncached, never] of [
      [`blobs/${lab.secret.digest}`, `blobs/${config.digest}`, `blobs/${neverDigest}`],
      [`manifests/${manifest}`, `manifests/${config.digest}`, `manifests/${neverDigest}`],
    ] as const) {
      const targets = [cached, uncached, never].map((path) => `${place}/${path}`);
      await assertAlike(lab, targets);
    }
  });
}

const rounds = 200;
const atATime = 10;
const differenceMs = 5;

/** The medians of the times of these requests, taken in turns, differ by less than 5 ms; if not at once, then at the second try. */
async function assertAlike(lab: PrivateLab, targets: readonly string[]): Promise<void> {
  for (const isLast of [false, true]) {
    const medians = await mediansOf(lab, targets);
    const spread = Math.max(...medians) - Math.min(...medians);
    if (spread < differenceMs) return;
    if (isLast) assert.fail(`${targets.join(" ")} took ${medians.map((ms) => ms.toFixed(1))} ms`);
  }
}

async function mediansOf(lab: PrivateLab, targets: readonly string[]): Promise<number[]> {
  const times: number[][] = targets.map(() => []);
  const timed = async (target: string, at: number): Promise<void> => {
    const startedMs = performance.now();
    const { status } = await lab.get(target);
    times[at]?.push(performance.now() - startedMs);
    assert.ok(status === 403 || status === 404);
  };
  for (let round = 0; round < rounds; round += atATime) {
    for (const [at, target] of targets.entries()) {
      await Promise.all(Array.from({ length: atATime }, () => timed(target, at)));
    }
  }
  return times.map((all) => all.toSorted((one, other) => one - other)[all.length / 2] ?? 0);
}
