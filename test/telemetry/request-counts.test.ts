import assert from "node:assert/strict";
import { test } from "node:test";
import { Metrics } from "../../src/telemetry/metrics.ts";

const hit = { upstream: "docker.io", kind: "manifest", outcome: "hit" } as const;

test("requests and sent bytes are counted by upstream, kind and outcome", async () => {
  const { requestCounts, registry } = new Metrics("1.2.3");
  for (const sentBytes of [100, 0, 20]) requestCounts.note(hit, sentBytes);
  requestCounts.note({ ...hit, outcome: "miss" }, 3);
  requestCounts.note({ ...hit, kind: "blob" }, 4);
  requestCounts.note({ ...hit, upstream: "ghcr.io" }, 5);
  requestCounts.note({ ...hit, upstream: "", outcome: "none" }, 0);

  const lines = linesOf(await registry.metrics());

  assert.deepEqual(lines, [
    'sluice_requests_total{upstream="",kind="manifest",outcome="none"} 1',
    'sluice_requests_total{upstream="docker.io",kind="blob",outcome="hit"} 1',
    'sluice_requests_total{upstream="docker.io",kind="manifest",outcome="hit"} 3',
    'sluice_requests_total{upstream="docker.io",kind="manifest",outcome="miss"} 1',
    'sluice_requests_total{upstream="ghcr.io",kind="manifest",outcome="hit"} 1',
    'sluice_sent_bytes_total{upstream="docker.io",kind="blob",outcome="hit"} 4',
    'sluice_sent_bytes_total{upstream="docker.io",kind="manifest",outcome="hit"} 120',
    'sluice_sent_bytes_total{upstream="docker.io",kind="manifest",outcome="miss"} 3',
    'sluice_sent_bytes_total{upstream="ghcr.io",kind="manifest",outcome="hit"} 5',
  ]);
});

test("the counts of requests go on from scrape to scrape", async () => {
  const { requestCounts, registry } = new Metrics("1.2.3");
  for (let nth = 1; nth <= 3; nth++) {
    requestCounts.note(hit, 10);
    const [requests, sentBytes] = linesOf(await registry.metrics());
    assert.match(requests ?? "", new RegExp(` ${nth}$`));
    assert.match(sentBytes ?? "", new RegExp(` ${nth}0$`));
  }
});

function linesOf(metrics: string): string[] {
  return metrics
    .split("\n")
    .filter((line) => /^sluice_(requests|sent_bytes)_total\{/.test(line))
    .sort();
}
