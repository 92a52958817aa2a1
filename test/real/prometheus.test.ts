import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "../support/ask.ts";
import { changed, deployFile, inCheckout } from "../support/deploy.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { freePort } from "../support/free-port.ts";
import { noiseBlob } from "../support/images.ts";
import { haveAll, programPath } from "../support/real-program.ts";
import { runProgram } from "../support/run-program.ts";
import { ServerProcess } from "../support/server-process.ts";
import { SluiceProcess } from "../support/sluice-process.ts";

const limitMs = 60_000;

test("promtool finds nothing wrong with the metrics of a daemon that was pulled through", async (t) => {
  if (!haveAll(t, "promtool")) return;
  await using hub = await FakeUpstream.start();
  await using mirror = await pulledThrough(hub);
  await using home = await mkdtempDisposable(join(tmpdir(), "scrape-"));
  const file = join(home.path, "metrics");
  await writeFile(file, (await ask(`${mirror.adminUrl}/metrics`)).bytes);

  const script = `${programPath("promtool")} check metrics < ${file}`;
  const { code, stdout, stderr } = await runProgram("sh", ["-c", script], { limitMs });

  assert.equal(code, 0, stdout + stderr);
});

test("the alerts fire when, and only when, promtool's tests of them say so", async (t) => {
  if (!haveAll(t, "promtool")) return;
  const file = inCheckout("deploy/prometheus/sluice.rules.test.yml");

  const { code, stdout, stderr } = await runProgram("promtool", ["test", "rules", file], {
    limitMs,
  });

  assert.equal(code, 0, stdout + stderr);
});

test("Prometheus scrapes a daemon, takes the rules, and answers what the dashboard asks", async (t) => {
  if (!haveAll(t, "prometheus")) return;
  await using hub = await FakeUpstream.start();
  await using mirror = await pulledThrough(hub);
  await using prometheus = await startPrometheus(mirror.adminHost);

  await prometheus.until(
    async () => (await prometheus.query('up{job="sluice"} == 1')).length === 1,
  );
  const { groups } = await prometheus.ask("/api/v1/rules");
  const pulls = await prometheus.query('sum(sluice_requests_total{kind="blob"}) == 2');

  assert.deepEqual(
    groups.map(({ name }: { name: string }) => name),
    ["sluice", "sluice-alerts"],
  );
  assert.equal(pulls.length, 1);
  const { panels } = JSON.parse(await deployFile("grafana/sluice.json"));
  for (const { title, targets } of panels) {
    for (const { expr } of targets) {
      const asked = expr.replaceAll("$__rate_interval", "1m").replaceAll("$instance", ".*");
      await assert.doesNotReject(prometheus.query(asked), `${title}: ${asked}`);
    }
  }
});

async function pulledThrough(hub: FakeUpstream): Promise<SluiceProcess> {
  const blob = noiseBlob("scraped", 10_000);
  hub.addBlob("library/app", blob);
  const upstreams = { "docker.io": { endpoints: [hub.url], default: true } };
  const mirror = await SluiceProcess.start({ upstreams });
  for (let nth = 0; nth < 2; nth++) {
    assert.equal((await ask(`${mirror.url}/v2/app/blobs/${blob.digest}`)).status, 200);
  }
  return mirror;
}

interface Prometheus extends AsyncDisposable {
  until(ready: () => Promise<boolean>): Promise<void>;
  // biome-ignore lint/suspicious/noExplicitAny: what a foreign API answers.
  ask(target: string): Promise<any>;
  query(expression: string): Promise<readonly unknown[]>;
}

/** A Prometheus with the configuration and the rules of `deploy/`, which scrapes that address once a second. */
async function startPrometheus(target: string): Promise<Prometheus> {
  await using resources = new AsyncDisposableStack();
  const home = resources.use(await mkdtempDisposable(join(tmpdir(), "prometheus-")));
  const file = join(home.path, "prometheus.yml");
  const rules = inCheckout("deploy/prometheus/sluice.rules.yml");
  const text = changed(await deployFile("prometheus/prometheus.yml"), [
    ["127.0.0.1:5001", target],
    ["sluice.rules.yml", rules],
    ["scrape_interval: 15s", "scrape_interval: 1s"],
  ]);
  await writeFile(file, text);
  const address = `127.0.0.1:${await freePort()}`;
  const server = resources.use(
    new ServerProcess(programPath("prometheus"), [
      `--config.file=${file}`,
      `--storage.tsdb.path=${join(home.path, "data")}`,
      `--web.listen-address=${address}`,
    ]),
  );
  const askIt: Prometheus["ask"] = async (asked) => {
    const { status, bytes } = await ask(`http://${address}${asked}`);
    const answer = JSON.parse(bytes.toString());
    assert.equal(status, 200, bytes.toString());
    return answer.data;
  };
  const query = async (expression: string): Promise<readonly unknown[]> =>
    (await askIt(`/api/v1/query?${new URLSearchParams({ query: expression })}`)).result;
  await server.until(() =>
    ask(`http://${address}/-/ready`).then(
      ({ status }) => status === 200,
      () => false,
    ),
  );
  const kept = resources.move();
  return {
    until: (ready) => server.until(ready),
    ask: askIt,
    query,
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
