import assert from "node:assert/strict";
import { test } from "node:test";
import type { Config } from "../../src/config/config.ts";
import { type Network, parseNetwork } from "../../src/config/network.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

const loopback: readonly Network[] = [networkOf("127.0.0.1")];

test("the address that a trusted proxy tells is the one in the log, and nobody else's is", async () => {
  await using hub = await FakeUpstream.start();
  const forwarded = { "x-forwarded-for": "198.51.100.9, 203.0.113.5" };
  const hostile = { "x-forwarded-for": `198.51.100.9, "}<script>${"x".repeat(8_000)}` };

  assert.equal(await clientInLog(hub, { trustedProxies: loopback }, forwarded), "203.0.113.5");
  assert.equal(await clientInLog(hub, {}, forwarded), "127.0.0.1");
  assert.equal(await clientInLog(hub, { trustedProxies: loopback }, hostile), "127.0.0.1");
});

test("access by network goes by the address behind a trusted proxy", async () => {
  await using hub = await FakeUpstream.start();
  hub.addImage("library/app", "v1", imageOfSize("app", 1000));
  const inside = { match: "*", users: null, networks: [networkOf("10.0.0.0/8")], denial: null };
  const server = { trustedProxies: loopback, access: [inside] };
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, server });
  const from = async (address: string): Promise<number> => {
    const headers = { "x-forwarded-for": address };
    return (await mirror.get("/v2/library/app/manifests/v1", headers)).status;
  };

  assert.deepEqual([await from("10.1.2.3"), await from("192.0.2.1")], [200, 403]);
  assert.equal(await from("10.1.2.3, 192.0.2.1"), 403, "what a client has written itself");
});

test("a trusted proxy may have more connections than maxConnectionsPerAddress", async () => {
  await using hub = await FakeUpstream.start();
  const image = imageOfSize("app", 100_000);
  hub.addImage("library/app", "v1", image);
  const limited = { maxConnectionsPerAddress: 1 };
  for (const [trustedProxies, expected] of [
    [[], 503],
    [loopback, 200],
  ] as const) {
    const server = { ...limited, trustedProxies };
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, server });
    using held = mirror.open("/v2/library/app/manifests/v1", { connection: "keep-alive" });
    await held.when(({ complete }) => complete);

    assert.equal((await mirror.get("/v2/")).status, expected);
  }
});

test("a proxy that is trusted from a reload on may have more connections from then on", async () => {
  await using hub = await FakeUpstream.start();
  hub.addImage("library/app", "v1", imageOfSize("app", 100_000));
  const server = { maxConnectionsPerAddress: 1 };
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, server });
  using held = mirror.open("/v2/library/app/manifests/v1", { connection: "keep-alive" });
  await held.when(({ complete }) => complete);
  assert.equal((await mirror.get("/v2/")).status, 503);

  mirror.reloadServer({ trustedProxies: loopback });
  assert.equal((await mirror.get("/v2/")).status, 200);

  mirror.reloadServer({ trustedProxies: [] });
  assert.equal((await mirror.get("/v2/")).status, 503);
});

async function clientInLog(
  hub: FakeUpstream,
  server: Partial<Config["server"]>,
  headers: Readonly<Record<string, string>>,
): Promise<unknown> {
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub }, server });
  await mirror.get("/v2/", headers);
  return mirror.logLines.find(({ target }) => target === "/v2/")?.["client"];
}

function networkOf(text: string): Network {
  const network = parseNetwork(text);
  assert.ok(network);
  return network;
}
