import assert from "node:assert/strict";
import { hostname } from "node:os";
import { test } from "node:test";
import { rawRequest } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

const everywhere = { listen: { host: "0.0.0.0", port: 0 } };

test("what a client needs is told for the address at which the mirror listens", async () => {
  await using mirror = await start({});

  const { address, host, files, notes } = await ask(mirror, "client=docker");

  assert.equal(address, mirror.url);
  assert.equal(host, new URL(mirror.url).host);
  assert.deepEqual(JSON.parse(files[0].text)["registry-mirrors"], [mirror.url]);
  assert.match(notes[0], /loopback only/);
});

test("where the mirror listens everywhere it is taken by the name at which the asker knows it", async () => {
  await using mirror = await start({ server: everywhere, admin: { hosts: ["mirror.lan"] } });
  const { port } = mirror.daemon.address;

  const named = await ask(mirror, "client=podman", { host: "mirror.lan:5001" });
  const near = await ask(mirror, "client=podman", { host: "localhost:5001" });

  assert.equal(named.address, `http://mirror.lan:${port}`);
  assert.equal(near.address, `http://${hostname()}:${port}`.toLowerCase());
});

test("an address that is asked for is taken, and what is none is refused with an example", async () => {
  await using mirror = await start({});

  const { files } = await ask(mirror, "client=k3s&address=https://mirror.example.com");
  const refused = await mirror.admin(
    "/api/v1/client-config?client=k3s&address=javascript:alert(1)",
  );

  assert.match(files[0].text, /endpoint: \["https:\/\/mirror\.example\.com"\]/);
  assert.equal(refused.status, 400);
  assert.match(refused.body.toString(), /write for example/);
});

test("a client that cannot use the mirror is told why", async () => {
  await using mirror = await start({ upstreams: { "ghcr.io": "http://127.0.0.1:9" } });

  const refused = await mirror.admin("/api/v1/client-config?client=docker");

  assert.equal(refused.status, 400);
  assert.match(refused.body.toString(), /Docker asks its mirrors for images of docker\.io/);
});

function start(options: Partial<Parameters<typeof TestMirror.start>[0]>): Promise<TestMirror> {
  return TestMirror.start({ upstreams: { "docker.io": "http://127.0.0.1:9" }, ...options });
}

async function ask(mirror: TestMirror, query: string, headers: Record<string, string> = {}) {
  const target = `/api/v1/client-config?${query}`;
  const { status, body } = await rawRequest(mirror.adminUrl, "GET", target, headers);
  assert.equal(status, 200, body.toString());
  return JSON.parse(body.toString());
}
