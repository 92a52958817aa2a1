import assert from "node:assert/strict";
import { test } from "node:test";
import { manifestOfBytes } from "../support/fault-manifest.ts";
import { FaultScene } from "../support/fault-scene.ts";
import { rawRequest } from "../support/raw-client.ts";

const writing = ["PUT", "POST", "PATCH", "DELETE", "MKCOL", "MOVE", "PURGE"];
const asking = ["OPTIONS", "TRACE", "PROPFIND", "SEARCH"];
// Of the admin API: who may not order anything is told so before it is looked whether there is such a route.
const refusals = [403, 404, 405, 415];
const body = { "content-type": "application/octet-stream", "content-length": "0" };

test("no method but GET and HEAD does anything on any route: 405, nothing upstream, nothing lost", async () => {
  await using scene = await FaultScene.start();
  const { upstream, mirror } = scene;
  const manifest = manifestOfBytes("stays");
  const content = upstream.blob("stays", 50_000);
  upstream.tag("latest", manifest);
  const byTag = "/v2/good/app/manifests/latest";
  await mirror.get(byTag);
  await scene.pullWhole("good", content);
  await mirror.idle();
  const asked = upstream.requests.length;
  const targets = [
    "/v2/",
    byTag,
    `/v2/good/app/manifests/${manifest.digest}`,
    `/v2/good/app/manifests/${manifest.digest}?tag=other`,
    `/v2/good/app/blobs/${content.digest}`,
    "/v2/good/app/blobs/uploads/",
    `/v2/good/app/blobs/uploads/?mount=${content.digest}&from=good/app`,
    `/v2/good/app/blobs/uploads/?digest=${content.digest}`,
    `/v2/good/app/blobs/uploads/${crypto.randomUUID()}?digest=${content.digest}`,
    "/v2/good/app/tags/list",
    "/v2/good/app/tags/latest",
    `/v2/good/app/referrers/${manifest.digest}`,
    "/v2/_catalog",
    `/faults.test${byTag}`,
    `${byTag}?ns=faults.test`,
    "/healthz",
    "/readyz",
    "/nowhere",
  ];

  for (const target of targets) {
    for (const method of [...writing, ...asking]) {
      const answer = await rawRequest(mirror.url, method, target, body);

      assert.equal(answer.status, 405, `${method} ${target}`);
      assert.equal(answer.headers["allow"], "GET, HEAD");
      assert.equal(answer.headers["location"], undefined);
      assert.equal(JSON.parse(answer.body.toString()).errors[0].code, "UNSUPPORTED");
    }
  }

  assert.equal(upstream.requests.length, asked);
  await scene.assertSound({ stored: [content, manifest.content] });
  const warm = await scene.pullWhole("good", content);
  assert.equal(warm.headers["cache-status"], "sluice; hit");
  assert.deepEqual((await mirror.get(byTag)).body, manifest.bytes);
});

test("a method that is made up, in another case or overridden by a header writes nothing either", async () => {
  await using scene = await FaultScene.start();
  const content = scene.upstream.blob("stays too", 1000);
  await scene.pullWhole("good", content);
  await scene.mirror.idle();
  const target = `/v2/good/app/blobs/${content.digest}`;

  for (const method of ["get", "Get", "delete", "GETS", "__proto__"]) {
    const answer = await rawRequest(scene.mirror.url, method, target);
    assert.ok(answer.status === 400 || answer.status === 405, `${method}: ${answer.status}`);
  }
  for (const name of ["x-http-method-override", "x-http-method", "x-method-override"]) {
    const answer = await scene.mirror.get(`${target}?_method=DELETE`, { [name]: "DELETE" });
    assert.equal(answer.status, 200);
  }

  await scene.assertSound({ stored: [content] });
});

test("no method that a stranger sends changes anything on any route of the admin API", async () => {
  await using scene = await FaultScene.start();
  const { mirror, upstream } = scene;
  const content = upstream.blob("counted", 1000);
  await scene.pullWhole("good", content);
  await mirror.idle();
  const before = await mirror.stored();
  const targets = [
    "/",
    "/metrics",
    "/healthz",
    "/readyz",
    "/api/v1/stats",
    "/api/v1/openapi.json",
    "/api/v1/blobs",
    `/api/v1/blobs/${content.digest}`,
    `/v2/good/app/blobs/${content.digest}`,
  ];

  for (const target of targets) {
    for (const method of [...writing, ...asking]) {
      const answer = await rawRequest(mirror.adminUrl, method, target, body);
      assert.ok(refusals.includes(answer.status), `${method} ${target}: ${answer.status}`);
      assert.equal(answer.headers["access-control-allow-origin"], undefined);
    }
  }

  assert.deepEqual(await mirror.stored(), before);
  assert.equal(upstream.requests.length, 1);
  await scene.assertSound({ stored: [content] });
});
