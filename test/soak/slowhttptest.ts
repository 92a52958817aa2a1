import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { haveAll, programPath } from "../support/real-program.ts";
import { ServerProcess } from "../support/server-process.ts";

const mib = 1024 * 1024;

// Long enough to see several of the server's timeouts for headers and requests begin to take effect.
const { SLUICE_SOAK_SECONDS: seconds = "60" } = process.env;

// What a person would notice; on a machine that is busy with other things, what a pull takes without the attack, times some.
const limitMs = 250;
const timesAlone = 5;
const pullsAlone = 200;

interface Attack {
  readonly connections: number;
  readonly options: readonly string[];
  /** What is asked for; it reads at full speed what it does not read slowly, which would measure the network. */
  readonly target: "nothing" | "large blob";
}

const slowly = ["-i", "5", "-x", "10"];
const body = ["-B", "-s", "1000000", ...slowly];

const attacks: Readonly<Record<string, Attack>> = {
  "slow headers": { connections: 1_000, target: "nothing", options: ["-H", ...slowly] },
  "slow bodies": { connections: 1_000, target: "nothing", options: [...body, "-t", "GET"] },
  "slow pushes": { connections: 1_000, target: "nothing", options: [...body, "-t", "POST"] },
  // Over loopback, with its large packets, the kernel keeps 2 MiB for each, and with more of them than this resets anybody's
  // connections for want of memory (net.ipv4.tcp_mem).
  "slow reading": {
    connections: 250,
    target: "large blob",
    options: ["-X", "-w", "512", "-y", "1024", "-n", "5", "-z", "32", "-k", "3"],
  },
};

for (const [name, attack] of Object.entries(attacks)) {
  test(`slowhttptest with ${name} on ${attack.connections} connections leaves the pulls of others as they are`, async (t) => {
    if (!haveAll(t, "slowhttptest")) return;
    await assertUnmoved(t, attack);
  });
}

async function assertUnmoved(
  t: TestContext,
  { connections, options, target }: Attack,
): Promise<void> {
  await using scene = await FaultProcessScene.start();
  const small = scene.upstream.blob("small", mib);
  const large = scene.upstream.blob("large", 64 * mib);
  for (const content of [small, large]) await scene.pullWhole("good", content);
  const pullMs = async (): Promise<number> => {
    const startedMs = performance.now();
    await scene.pullWhole("good", small);
    return performance.now() - startedMs;
  };
  const alone = await Array.fromAsync({ length: pullsAlone }, pullMs);
  const path = { nothing: "/v2/", "large blob": `/v2/good/app/blobs/${large.digest}` }[target];
  const url = `${scene.sluice.url}${path}`;
  const often = ["-c", String(connections), "-r", "200", "-l", seconds, "-p", "5", "-u", url];
  await using attack = new ServerProcess(programPath("slowhttptest"), [...options, ...often]);

  const among: number[] = [];
  while (attack.running) among.push(await pullMs());

  const [aloneMs, amongMs] = [percentile(alone, 0.99), percentile(among, 0.99)];
  const moreBytes = (await scene.footprint()).peakBytes - scene.idle.peakBytes;
  const reached = attack.stdout.includes("service available:");
  t.diagnostic(
    `p99 ${aloneMs.toFixed(1)} ms alone, ${amongMs.toFixed(1)} ms of ${among.length} pulls among them (p50 ${percentile(among, 0.5).toFixed(1)} ms); ${Math.round(moreBytes / mib)} MiB more`,
  );
  assert.ok(reached, `slowhttptest did not come to attack: ${attack.stdout}${attack.stderr}`);
  assert.ok(amongMs < Math.max(limitMs, timesAlone * aloneMs), `${amongMs} ms`);
  assert.ok(moreBytes <= 256 * mib, `${Math.round(moreBytes / mib)} MiB more than idle`);
  await eventually("its connections are gone", async () => {
    const { descriptors } = await scene.footprint();
    return descriptors < scene.idle.descriptors + 50;
  });
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}
