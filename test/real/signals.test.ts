import assert from "node:assert/strict";
import { once } from "node:events";
import { readFile, writeFile } from "node:fs/promises";
import { connect, type Socket } from "node:net";
import { test } from "node:test";
import { setTimeout as after } from "node:timers/promises";
import { ask } from "../support/ask.ts";
import { CheckingClient } from "../support/checking-client.ts";
import { eventually } from "../support/eventually.ts";
import { assertNeverWrong, auditStore } from "../support/fault-oracles.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import type { SeededContent } from "../support/seeded-content.ts";
import { SeededRandom, seedOfRun } from "../support/seeded-random.ts";
import { ServerProcess } from "../support/server-process.ts";
import { makeHome, SluiceProcess, sluiceProgram } from "../support/sluice-process.ts";

const mib = 1024 * 1024;

// A port of loopback that nothing listens on.
const nobody = { "docker.io": { endpoints: ["http://127.0.0.1:9"], default: true } };

for (const signal of ["SIGTERM", "SIGINT"] as const) {
  test(`${signal} during 50 streams: not ready, no more connections, what can end ends whole, and then it exits with 0`, async () => {
    await using scene = await FaultProcessScene.start();
    const streams = await fiftyStreams(scene, signal);

    scene.sluice.kill(signal);
    await notReady(scene.sluice);
    const late = await ask(`${scene.sluice.url}/v2/`).catch((error) => error.code);
    for (const release of streams.releases) release();

    assert.equal(late, "ECONNREFUSED");
    for (const { client, content } of streams.all) {
      const { complete, trueBytes } = await client.end();
      assert.deepEqual({ complete, trueBytes }, { complete: true, trueBytes: content.sizeBytes });
    }
    assert.deepEqual(await scene.sluice.exit(), { code: 0, signal: null });
    await assertStoreSound(scene);
  });
}

test("a second SIGTERM cuts what has not ended of 50 streams, and it exits with 0 at once", async () => {
  await using scene = await FaultProcessScene.start();
  const streams = await fiftyStreams(scene, "twice");
  scene.sluice.kill("SIGTERM");
  await notReady(scene.sluice);
  for (const release of streams.releases.slice(0, 5)) release();
  for (const { client } of streams.all.slice(0, 25)) await client.end();

  scene.sluice.kill("SIGTERM");
  const exit = await scene.sluice.exit();
  const ends = await Promise.all(streams.all.map(({ client }) => client.end()));

  assert.deepEqual(exit, { code: 0, signal: null });
  assert.deepEqual(
    ends.map(({ complete }) => complete),
    streams.all.map((_, at) => at < 25),
  );
  for (const [at, { request }] of streams.all.entries()) {
    const answer = ends[at];
    if (answer) assertNeverWrong(answer, request);
  }
  await assertStoreSound(scene);
});

test("an idle daemon ends at SIGTERM with 0; all it wrote is JSON lines on its standard output", async () => {
  await using mirror = await SluiceProcess.start({ upstreams: nobody });

  mirror.kill("SIGTERM");

  assert.deepEqual(await mirror.exit(), { code: 0, signal: null });
  assert.equal(mirror.stderr, "");
  assert.ok(mirror.log.length > 0);
  assert.ok(mirror.log.every(({ level, time, msg }) => level && time && msg));
});

test("whoever only holds a connection ready, or never ends a request, holds up no end", async () => {
  await using scene = await FaultProcessScene.start();
  const sockets = ["", "GET /v2/ HTTP/1.1\r\nhost: x\r\nx-"].map((text) => open(scene, text));
  await Promise.all(sockets.map((socket) => once(socket, "connect")));
  await ask(`${scene.sluice.url}/v2/`);
  const startMs = performance.now();

  scene.sluice.kill("SIGTERM");

  assert.deepEqual(await scene.sluice.exit(), { code: 0, signal: null });
  // It takes a second or two; the deadline is 25 s.
  assert.ok(performance.now() - startMs < 22_000);
});

test("thirty SIGHUPs, with a configuration that changes and one that is none, drop no stream", async () => {
  await using scene = await FaultProcessScene.start();
  const { sluice } = scene;
  const streams = await fiftyStreams(scene, "reloads");
  const before = JSON.parse(await readFile(sluice.configFile, "utf8"));
  const short = scene.upstream.blob("short", 100_000);
  const random = new SeededRandom(1);
  let pulls = 0;
  let reloading = true;
  const pulling = (async () => {
    while (reloading) {
      await scene.pullWhole(
        "good",
        random.pick([short, scene.upstream.blob(`${pulls++}`, 50_000)]),
      );
    }
  })();

  for (let round = 0; round < 30; round++) {
    const { upstreams } = before;
    upstreams["faults.test"].timeouts = { headers: `${10 + round}s` };
    const text = round % 3 === 2 ? "upstreams: {" : JSON.stringify({ ...before, upstreams });
    await writeFile(sluice.configFile, text);
    sluice.kill("SIGHUP");
    await eventually("it was read", () => reloadsOf(sluice) === round + 1);
  }
  reloading = false;
  await pulling;
  for (const release of streams.releases) release();

  for (const { client, content } of streams.all) {
    const { complete, trueBytes } = await client.end();
    assert.deepEqual({ complete, trueBytes }, { complete: true, trueBytes: content.sizeBytes });
  }
  assert.equal(linesOf(sluice, "configuration cannot be used, the old one stays").length, 10);
  assert.ok(pulls > 0);
  await scene.assertSound();
});

test("of many SIGHUPs at once the last one counts", async () => {
  await using mirror = await SluiceProcess.start({ upstreams: nobody });
  const before = await readFile(mirror.configFile, "utf8");
  for (let round = 0; round < 20; round++) {
    const name = `registry-${round}.example`;
    await writeFile(mirror.configFile, before.replace("docker.io", name));
    for (let time = 0; time < 5; time++) mirror.kill("SIGHUP");
    await eventually(`${name} is an upstream`, async () => {
      return (await ask(`${mirror.url}/v2/a/manifests/1?ns=${name}`)).status === 502;
    });
  }
});

test("signals that mean nothing to it change nothing: no debugger, no end", async () => {
  await using scene = await FaultProcessScene.start();
  const content = scene.upstream.blob("junk", 2 * mib);
  const release = scene.upstream.hold(content, mib);
  using client = scene.open("good", content);
  await client.when(({ bodyBytes }) => bodyBytes === mib);

  for (const signal of ["SIGUSR1", "SIGUSR2", "SIGPIPE", "SIGWINCH", "SIGCONT"] as const) {
    scene.sluice.kill(signal);
  }
  await ask(`${scene.sluice.url}/v2/`);
  release();

  assert.equal((await client.end()).complete, true);
  await scene.pullWhole("good", content);
  await scene.assertSound();
});

test("a daemon that stood still longer than its timeouts goes on with its streams", async () => {
  const timeouts = { headers: "500ms", bodyIdle: "500ms" };
  await using scene = await FaultProcessScene.start({ timeouts, bytesPerSecond: 4_000_000 });
  const contents = Array.from({ length: 10 }, (_, at) =>
    scene.upstream.blob(`still ${at}`, 4 * mib),
  );
  const clients = contents.map((content) => scene.open("good", content));
  for (const client of clients) await client.when(({ bodyBytes }) => bodyBytes > 0);

  scene.sluice.kill("SIGSTOP");
  // Time must pass for it; there is nothing else to wait for.
  await after(2_000);
  scene.sluice.kill("SIGCONT");

  for (const client of clients) assert.equal((await client.end()).complete, true);
  await scene.assertSound();
});

test("a signal while it starts is not lost: SIGTERM ends it with 0, SIGHUP reads the configuration again", async () => {
  for (const signal of ["SIGTERM", "SIGHUP"] as const) {
    await using home = await makeHome({ upstreams: nobody });
    await using daemon = new ServerProcess(sluiceProgram, ["serve", "--config", home.configFile]);
    // It is made before anything else is done.
    await eventually("it has begun", () => hasHandlers(daemon.pid));

    daemon.kill(signal);

    if (signal === "SIGTERM") assert.deepEqual(await daemon.exit(), { code: 0, signal: null });
    else await eventually("read", () => daemon.stdout.includes("configuration was read again"));
    assert.equal(daemon.stderr, "");
  }
});

test("a start that is killed at any moment is no hindrance to the next one", async (t) => {
  const seed = seedOfRun();
  t.diagnostic(`SLUICE_TEST_SEED=${seed}`);
  const random = new SeededRandom(seed);
  await using home = await makeHome({ upstreams: nobody });
  for (let round = 0; round < 6; round++) {
    await using daemon = new ServerProcess(sluiceProgram, ["serve", "--config", home.configFile]);
    await after(random.between(0, 700));
    daemon.kill("SIGKILL");
    await daemon.exit();
  }

  await using daemon = new ServerProcess(sluiceProgram, ["serve", "--config", home.configFile]);

  await daemon.until(async () => {
    return (await ask(`http://${home.host}/readyz`).catch(() => null))?.status === 200;
  });
  daemon.kill("SIGTERM");
  assert.deepEqual(await daemon.exit(), { code: 0, signal: null });
  assert.equal(daemon.stderr, "");
});

interface Stream {
  readonly client: CheckingClient;
  readonly content: SeededContent;
  readonly request: ConstructorParameters<typeof CheckingClient>[1];
}

/** Five clients each of ten blobs, half of which have come; `releases` lets one blob after the other go on. */
async function fiftyStreams(
  scene: FaultProcessScene,
  name: string,
): Promise<{ readonly all: readonly Stream[]; readonly releases: readonly (() => void)[] }> {
  const contents = Array.from({ length: 10 }, (_, at) =>
    scene.upstream.blob(`${name} ${at}`, 2 * mib),
  );
  const releases = contents.map((content) => scene.upstream.hold(content, mib));
  const all = contents.flatMap((content) =>
    Array.from({ length: 5 }, () => {
      const request = { target: `/v2/good/app/blobs/${content.digest}`, truth: content };
      return { client: new CheckingClient(scene.sluice.url, request), content, request };
    }),
  );
  for (const { client } of all) await client.when(({ bodyBytes }) => bodyBytes === mib);
  return { all, releases };
}

/** The admin listener tells until the end. */
async function notReady(sluice: SluiceProcess): Promise<void> {
  await eventually("it is not ready any more", async () => {
    return (await ask(`${sluice.adminUrl}/readyz`)).status === 503;
  });
  const { bytes } = await ask(`${sluice.adminUrl}/readyz`);
  assert.deepEqual(JSON.parse(bytes.toString()).reasons, ["it is stopping"]);
  assert.equal((await ask(`${sluice.adminUrl}/healthz`)).status, 200);
}

async function assertStoreSound({ directory, sluice }: FaultProcessScene): Promise<void> {
  assert.equal(sluice.stderr, "");
  assert.deepEqual((await auditStore(directory)).faults, []);
}

function open({ sluice }: FaultProcessScene, text: string): Socket {
  const { hostname, port } = new URL(sluice.url);
  const socket = connect(Number(port), hostname);
  socket.on("error", () => {});
  socket.write(text);
  return socket;
}

function linesOf(sluice: SluiceProcess, msg: string): unknown[] {
  return sluice.log.filter((line) => line["msg"] === msg);
}

function reloadsOf(sluice: SluiceProcess): number {
  return (
    linesOf(sluice, "configuration was read again").length +
    linesOf(sluice, "configuration cannot be used, the old one stays").length
  );
}

/** Whether the process catches SIGHUP, which Node itself does not. */
async function hasHandlers(pid: number): Promise<boolean> {
  const status = await readFile(`/proc/${pid}/status`, "utf8").catch(() => "");
  const caught = BigInt(`0x${/^SigCgt:\s+([0-9a-f]+)$/m.exec(status)?.[1] ?? "0"}`);
  return (caught & 1n) === 1n;
}
