import assert from "node:assert/strict";
import { join } from "node:path";
import { test } from "node:test";
import { setTimeout as delay } from "node:timers/promises";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { HeldCatalog } from "../support/held-catalog.ts";
import { haveRoot } from "../support/real-program.ts";
import { runProgram } from "../support/run-program.ts";
import { type SluiceProcess, sluiceProgram } from "../support/sluice-process.ts";
import { Tmpfs } from "../support/tmpfs.ts";

const sizeBytes = 200_000;

test("upstreams that are down, stall, refuse or limit leave the mirror live and ready", async () => {
  const timeouts = { connect: "2s", headers: "500ms", bodyIdle: "300ms" };
  await using scene = await FaultProcessScene.start({ timeouts });
  const stored = scene.upstream.blob("stored", sizeBytes);
  await scene.pullWhole("good", stored);
  const troubles = ["stall-at-once", "stall-at-half", "never-available", "refused-at-first"];

  const pulls = [...troubles, "limited-at-first"].map((fault) =>
    scene.pull(fault, scene.upstream.blob(fault, sizeBytes)),
  );
  await assertHealthDuring(scene.sluice, Promise.all(pulls), { live: true, ready: true });
  await scene.upstream.down();
  const cold = scene.pull("good", scene.upstream.blob("cold", sizeBytes));
  await assertHealthDuring(scene.sluice, cold, { live: true, ready: true });

  assert.ok((await cold).status >= 429);
  await scene.pullWhole("good", stored);
  await scene.upstream.up();
  await scene.assertSound();
});

test("a disk that is full leaves the mirror live and ready, for pulls pass through", async (t) => {
  if (!haveRoot(t)) return;
  await using disk = await Tmpfs.mount("size=64m");
  const settings = { storage: { directory: join(disk.path, "storage"), minFree: "0B" } };
  await using scene = await FaultProcessScene.start({ settings });
  await disk.fillUp();

  const pulls = Array.from({ length: 20 }, (_, at) =>
    scene.pullWhole("good", scene.upstream.blob(`full ${at}`, 1_000_000)),
  );

  await assertHealthDuring(scene.sluice, Promise.all(pulls), { live: true, ready: true });
});

test("a catalog that another process holds leaves the mirror live and ready: reads go on, and writes wait", async () => {
  await using scene = await FaultProcessScene.start();
  const before = scene.upstream.blob("before", sizeBytes);
  const during = scene.upstream.blob("during", sizeBytes);
  await scene.pullWhole("good", before);
  using held = new HeldCatalog(scene.directory);

  const pulls = Promise.all([before, during].map((content) => scene.pullWhole("good", content)));
  await assertHealthDuring(scene.sluice, pulls, { live: true, ready: true });
  held[Symbol.dispose]();

  await eventually("what was pulled meanwhile is a hit", async () => {
    const { headers } = await scene.pullWhole("good", during);
    return headers["cache-status"] === "sluice; hit";
  });
  await scene.assertSound();
});

test("many clients at once leave the mirror live and ready, and no probe of its health waits for their end", async () => {
  await using scene = await FaultProcessScene.start({ bytesPerSecond: 12_500_000 });
  const contents = Array.from({ length: 40 }, (_, at) =>
    scene.upstream.blob(`many ${at}`, 1_000_000),
  );
  const releases = contents.map((content) => scene.upstream.hold(content, 750_000));

  const pulls = contents.flatMap((content) =>
    Array.from({ length: 5 }, () => scene.pullWhole("good", content)),
  );
  assert.deepEqual(await healthOf(scene.sluice), { live: true, ready: true });
  for (const release of releases) release();

  await assertHealthDuring(scene.sluice, Promise.all(pulls), { live: true, ready: true });
  await scene.assertSound();
});

test("a process that stands still answers no probe of its health, and is live and ready again after", async () => {
  await using scene = await FaultProcessScene.start();
  const { sluice } = scene;

  sluice.kill("SIGSTOP");
  const health = runProgram(sluiceProgram, ["health", "--config", sluice.configFile]);
  const answered = await Promise.race([healthOf(sluice), delay(1_000, null)]);
  // `sluice health` gives up by itself after ten seconds.
  const { code, stderr } = await health;
  sluice.kill("SIGCONT");

  assert.equal(answered, null);
  assert.equal(code, 1);
  assert.match(stderr, /cannot ask the daemon/);
  await eventually("it is live and ready again", async () => {
    const { live, ready } = await healthOf(sluice);
    return live && ready;
  });
  await scene.pullWhole("good", scene.upstream.blob("after", sizeBytes));
  await scene.assertSound();
});

test("a mirror that is told to stop is not ready from that moment on, and live to its end", async () => {
  await using scene = await FaultProcessScene.start();
  const content = scene.upstream.blob("stopping", 2_000_000);
  const release = scene.upstream.hold(content, 1_000_000);
  using client = scene.open("good", content);
  await client.when(({ bodyBytes }) => bodyBytes > 0);

  scene.sluice.kill("SIGTERM");
  await eventually(
    "it is not ready",
    async () => (await ask(`${scene.sluice.adminUrl}/readyz`)).status === 503,
  );

  assert.equal((await ask(`${scene.sluice.adminUrl}/healthz`)).status, 200);
  const [health, doctor] = await Promise.all(
    ["health", "doctor"].map((command) =>
      runProgram(sluiceProgram, [command, "--config", scene.sluice.configFile]),
    ),
  );
  assert.equal(health?.stderr, "sluice: the mirror cannot serve: it is stopping\n");
  assert.match(doctor?.stdout ?? "", /fail {2}runs and cannot serve: it is stopping\n/);
  release();
  assert.equal((await client.end()).complete, true);
});

interface Seen {
  readonly live: boolean;
  readonly ready: boolean;
}

/** On the admin listener, where probes ask, and on the registry's, where load balancers do: they agree. */
async function healthOf({ url, adminUrl }: SluiceProcess): Promise<Seen> {
  const paths = [`${adminUrl}/healthz`, `${url}/healthz`, `${adminUrl}/readyz`, `${url}/readyz`];
  const [live, liveThere, ready, readyThere] = await Promise.all(
    paths.map(async (path) => (await ask(path)).status === 200),
  );
  assert.equal(live, liveThere);
  assert.equal(ready, readyThere);
  return { live: live === true, ready: ready === true };
}

/** Asks again and again until `work` is done, and at least once. */
async function assertHealthDuring(
  sluice: SluiceProcess,
  work: Promise<unknown>,
  expected: Seen,
): Promise<void> {
  let working = true;
  const done = work.finally(() => {
    working = false;
  });
  do {
    assert.deepEqual(await healthOf(sluice), expected);
    await delay(100);
  } while (working);
  await done;
}
