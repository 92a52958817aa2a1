import assert from "node:assert/strict";
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { FaultProcessScene } from "../support/fault-process-scene.ts";

const mib = 1024 * 1024;
const idleClients = 5_000;
const slowReaders = 200;
const slowBytesPerSecond = 1_024;
const pulls = 500;

// What a person would notice; on a machine that is busy with other things, what a pull takes without the crowd, times some.
const limitMs = 250;
const timesAlone = 5;

test("5,000 idle clients and 200 that read 1 KB/s leave the pulls of others as they are", async (t) => {
  await using scene = await FaultProcessScene.start();
  const [small, large] = [
    scene.upstream.blob("small", mib),
    scene.upstream.blob("large", 64 * mib),
  ];
  for (const content of [small, large]) await scene.pullWhole("good", content);
  const pullMs = async (): Promise<number> => {
    const startedMs = performance.now();
    await scene.pullWhole("good", small);
    return performance.now() - startedMs;
  };
  const alone = await Array.fromAsync({ length: pulls }, pullMs);
  await using crowd = new AsyncDisposableStack();
  for (let at = 0; at < idleClients; at++) crowd.use(await keptClient(scene.sluice.url));
  for (let at = 0; at < slowReaders; at++)
    crowd.use(slowReader(scene.sluice.url, `/v2/good/app/blobs/${large.digest}`));

  const among = await Array.fromAsync({ length: pulls }, pullMs);

  const [aloneMs, amongMs] = [percentile(alone, 0.99), percentile(among, 0.99)];
  const moreBytes = (await scene.footprint()).peakBytes - scene.idle.peakBytes;
  t.diagnostic(
    `p99 ${aloneMs.toFixed(1)} ms alone, ${amongMs.toFixed(1)} ms among them; ${Math.round(moreBytes / mib)} MiB more`,
  );
  assert.ok(amongMs < Math.max(limitMs, timesAlone * aloneMs), `${amongMs} ms`);
  assert.ok(moreBytes <= 256 * mib, `${Math.round(moreBytes / mib)} MiB more than idle`);
  await crowd.disposeAsync();
  await scene.assertSound();
});

type Client = Socket & Disposable;

/** One that has asked once, and keeps its connection. */
async function keptClient(url: string): Promise<Client> {
  const client = openClient(url, "/v2/");
  await once(client, "data");
  return client;
}

function slowReader(url: string, target: string): Client {
  const client = openClient(url, target);
  const reading = setInterval(() => client.read(slowBytesPerSecond), 1_000);
  client.once("close", () => clearInterval(reading));
  return client;
}

function openClient(url: string, target: string): Client {
  const { hostname, port } = new URL(url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.write(`GET ${target} HTTP/1.1\r\nhost: x\r\n\r\n`);
  return Object.assign(socket, { [Symbol.dispose]: () => void socket.destroy() });
}

function percentile(values: readonly number[], share: number): number {
  const sorted = values.toSorted((one, other) => one - other);
  return sorted[Math.ceil(share * sorted.length) - 1] ?? Number.NaN;
}
