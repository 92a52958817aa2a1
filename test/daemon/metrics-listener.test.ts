import assert from "node:assert/strict";
import { test } from "node:test";
import { formatListenAddress } from "../../src/config/listen-address.ts";
import { rawRequest } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

const upstreams = { "docker.io": "http://127.0.0.1:9" };

test("admin.metricsListen has metrics and health, and nothing else", async () => {
  const metricsListen = { host: "127.0.0.1", port: 0 };
  await using mirror = await TestMirror.start({ upstreams, admin: { metricsListen } });
  const { metricsAddress } = mirror.daemon;
  assert.ok(metricsAddress);
  const url = `http://${formatListenAddress(metricsAddress)}`;

  const metrics = await rawRequest(url, "GET", "/metrics");

  assert.equal(metrics.status, 200);
  assert.match(metrics.body.toString(), /^sluice_stored_bytes 0$/m);
  assert.match(metrics.body.toString(), /^sluice_connections_limit\{listener="metrics"\} 32$/m);
  assert.equal((await rawRequest(url, "GET", "/healthz")).status, 200);
  assert.equal((await rawRequest(url, "GET", "/readyz")).status, 200);
  for (const target of ["/", "/api/v1/stats", "/api/v1/openapi.json", "/v2/"]) {
    assert.equal((await rawRequest(url, "GET", target)).status, 404, target);
  }
});

test("without admin.metricsListen metrics are told at the admin address only", async () => {
  await using mirror = await TestMirror.start({ upstreams });

  assert.equal(mirror.daemon.metricsAddress, null);
  assert.equal((await mirror.admin("/metrics")).status, 200);
});
