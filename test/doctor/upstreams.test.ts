import assert from "node:assert/strict";
import { once } from "node:events";
import type { ServerResponse } from "node:http";
import { type AddressInfo, createServer } from "node:net";
import { test } from "node:test";
import { basicAuthorization } from "../../src/upstream/credentials/credentials.ts";
import { DeafPort } from "../support/deaf-port.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { examined, troubles } from "./examined.ts";

type Upstream = Readonly<Record<string, unknown>>;

async function troublesOf(upstream: Upstream, name = "x.io"): ReturnType<typeof troubles> {
  return await troubles(name, {
    settings: { upstreams: { [name]: upstream } },
    env: { PASSWORD: "s3cret" },
  });
}

const credentials = { username: "me", password: "${" + "PASSWORD}" };

function challenge(response: ServerResponse, words: string): void {
  response.writeHead(401, { "www-authenticate": words }).end();
}

test("the doctor finds an endpoint whose name has no address, and says where it is written", async () => {
  const [trouble, ...others] = await troublesOf({ endpoints: ["http://nowhere.invalid"] });

  assert.deepEqual(others, []);
  assert.equal(trouble?.verdict, "fail");
  // Where a machine has no name server at all, nobody says that there is no such name.
  assert.match(
    trouble.found,
    /^(the name nowhere\.invalid has no address|no name server answers for nowhere\.invalid)$/,
  );
  assert.match(trouble.remedy ?? "", /resolv\.conf/);
});

test("the doctor finds a port where nothing listens", async () => {
  await using upstream = await FakeUpstream.start();
  const { url } = upstream;
  await upstream.down();

  const [trouble, ...others] = await troublesOf({ endpoints: [url] });
  await upstream.up();

  assert.deepEqual(others, []);
  assert.equal(trouble?.found, `${new URL(url).host} refuses connections`);
  assert.match(trouble.remedy ?? "", /upstreams\."x\.io"\.endpoints/);
});

test("the doctor finds, within its limit, an endpoint that takes connections and says nothing", async () => {
  const silent = createServer().listen(0, "127.0.0.1");
  await once(silent, "listening");
  await using _closed = { [Symbol.asyncDispose]: async () => void silent.close() };
  const { port } = silent.address() as AddressInfo;
  const endpoints = [`http://127.0.0.1:${port}`];

  const found = await troubles("x.io", {
    settings: { upstreams: { "x.io": { endpoints } } },
    // undici counts in seconds.
    limitMs: 1_000,
  });

  assert.deepEqual(
    found.map((one) => one.found),
    [`127.0.0.1:${port} takes connections and answers nothing within 1 s`],
  );
});

test("the doctor finds an endpoint behind a firewall that throws packets away, and says what would let it through", async () => {
  await using hole = await DeafPort.start();
  const endpoints = [`http://127.0.0.1:${hole.port}`];

  const found = await troubles("x.io", {
    settings: { upstreams: { "x.io": { endpoints } } },
    limitMs: 1_000,
  });

  assert.deepEqual(
    found.map((one) => one.found),
    [`127.0.0.1:${hole.port} takes no connection within 1 s`],
  );
  assert.match(found[0]?.remedy ?? "", /firewall, route.*upstreams\."x\.io"\.proxy/);
});

test("the doctor examines each endpoint of an upstream by itself", async () => {
  await using upstream = await FakeUpstream.start();
  upstream.override("/v2/", (_, response) => void response.end());

  const found = await examined({
    settings: { upstreams: { "x.io": { endpoints: ["http://127.0.0.1:1", upstream.url] } } },
  });

  assert.deepEqual(
    found.filter(({ subject }) => subject === "x.io").map(({ verdict }) => verdict),
    ["fail", "ok"],
  );
});

const greetings: readonly (readonly [string, (response: ServerResponse) => void, RegExp])[] = [
  [
    "a page in place of a registry",
    (response) => response.writeHead(200, { "content-type": "text/html" }).end("<h1>Log in"),
    /answers with a page, as no registry does/,
  ],
  ["a path without a registry", (response) => response.writeHead(404).end(), /has no \/v2\//],
  ["a registry in trouble", (response) => response.writeHead(503).end(), /status 503/],
  ["a registry that is asked too often", (response) => response.writeHead(429).end(), /too often/],
];
for (const [what, answer, words] of greetings) {
  test(`the doctor finds ${what}`, async () => {
    await using upstream = await FakeUpstream.start();
    upstream.override("/v2/", (_, response) => answer(response));

    const found = await troublesOf({ endpoints: [upstream.url] });

    assert.equal(found.length, 1);
    assert.match(found[0]?.found ?? "", words);
  });
}

test("the doctor finds that the registry itself refuses a password, and says where that comes from", async () => {
  await using upstream = await FakeUpstream.start();
  upstream.override("/v2/", ({ headers }, response) => {
    if (headers.authorization === basicAuthorization("me", "right")) response.end();
    else challenge(response, 'Basic realm="x"');
  });
  const { host } = new URL(upstream.url);

  const wrong = await troublesOf({ endpoints: [upstream.url], credentials });
  const right = await troubles("x.io", {
    settings: { upstreams: { "x.io": { endpoints: [upstream.url], credentials } } },
    env: { PASSWORD: "right" },
  });
  const none = await troublesOf({ endpoints: [upstream.url] });

  assert.deepEqual(
    wrong.map((one) => [one.verdict, one.found]),
    [["fail", `${host} refuses the user me and the password (status 401)`]],
  );
  assert.match(wrong[0]?.remedy ?? "", /credentials\.password/);
  assert.deepEqual(right, []);
  assert.deepEqual(
    none.map((one) => [one.verdict, one.remedy]),
    [["warn", 'name one: upstreams."x.io".credentials']],
  );
});

test("the doctor finds that the token server refuses a password, and shows the secret nowhere", async () => {
  await using upstream = await FakeUpstream.start();
  upstream.override("/v2/", (_, response) =>
    challenge(response, `Bearer realm="${upstream.url}/token",service="x"`),
  );
  upstream.override("/token", (_, response) => void response.writeHead(401).end());

  const found = await troublesOf({ endpoints: [upstream.url], credentials });

  assert.equal(found.length, 1);
  assert.match(found[0]?.found ?? "", /refuses the user me and the password \(status 401\)/);
  assert.doesNotMatch(JSON.stringify(found), /s3cret/);
  // As `docker login` asks: for no repository.
  assert.equal(upstream.requests.at(-1)?.target, "/token?service=x&account=me");
});

test("the doctor finds a token server that may not see the credentials, and names the key that allows it", async () => {
  await using upstream = await FakeUpstream.start();
  await using other = await FakeUpstream.start();
  upstream.override("/v2/", (_, response) =>
    challenge(response, `Bearer realm="${other.url}/token"`),
  );
  const { host } = new URL(other.url);

  const found = await troublesOf({ endpoints: [upstream.url], credentials });
  const allowed = await troublesOf({ endpoints: [upstream.url], credentials, realms: [host] });

  assert.equal(found.length, 1);
  assert.match(found[0]?.found ?? "", new RegExp(`add ${host} to upstreams\\."x\\.io"\\.realms`));
  assert.equal(other.count("GET", "/token"), 1);
  assert.doesNotMatch(JSON.stringify(allowed), /may not see/);
});

test("the doctor finds that the token server is not there, and does not blame the registry", async () => {
  await using upstream = await FakeUpstream.start();
  await using other = await FakeUpstream.start();
  const { url } = other;
  await other.down();
  upstream.override("/v2/", (_, response) => challenge(response, `Bearer realm="${url}/token"`));

  const found = await troublesOf({ endpoints: [upstream.url] });
  await other.up();

  assert.deepEqual(
    found.map((one) => one.found),
    [`${new URL(url).host} refuses connections`],
  );
});

test("the doctor asks Docker Hub for an image by HEAD alone, and tells how many pulls are left", async () => {
  await using upstream = await FakeUpstream.start({
    gate: async (_request, response) => {
      response.setHeader("ratelimit-limit", "100;w=21600");
      response.setHeader("ratelimit-remaining", "3;w=21600");
      return false;
    },
  });
  upstream.override("/v2/", (_, response) => void response.end());
  upstream.addImage("library/alpine", "latest", imageOfSize("doctor", 100));

  const found = await troublesOf({ endpoints: [upstream.url] }, "docker.io");

  assert.deepEqual(
    found.map((one) => [one.verdict, one.found]),
    [["warn", "3 of 100 pulls are left within 6h"]],
  );
  assert.deepEqual(
    upstream.requests.map(({ method, target }) => `${method} ${target}`),
    ["GET /v2/", "HEAD /v2/library/alpine/manifests/latest"],
  );
});

for (const [aheadMs, words] of [
  [90_000, /^this machine's is 1m \d+s ahead of the upstreams'/],
  [
    -7_200_000,
    /^this machine's is (2h|1h 59m) .*behind the upstreams'|^this machine's is 2h behind/,
  ],
] as const) {
  test(`the doctor finds a clock that is ${aheadMs / 1000} s ahead`, async () => {
    await using upstream = await FakeUpstream.start();
    upstream.override("/v2/", (_, response) => void response.end());
    const settings = { upstreams: { "x.io": { endpoints: [upstream.url] } } };

    const wrong = await troubles("clock", { settings, now: () => Date.now() + aheadMs });
    const right = await troubles("clock", { settings });

    assert.equal(wrong.length, 1);
    assert.match(wrong[0]?.found ?? "", words);
    assert.match(wrong[0]?.remedy ?? "", /NTP/);
    assert.deepEqual(right, []);
  });
}

test("the doctor does not take our clock for wrong because of one upstream's", async () => {
  await using wrong = await FakeUpstream.start();
  await using right = await FakeUpstream.start();
  wrong.override("/v2/", (_, response) => {
    response.setHeader("date", new Date(0).toUTCString());
    response.end();
  });
  right.override("/v2/", (_, response) => void response.end());
  const upstreams = { "x.io": { endpoints: [wrong.url] }, "y.io": { endpoints: [right.url] } };

  assert.deepEqual(await troubles("clock", { settings: { upstreams } }), []);
});

test("the doctor finds a proxy that is not there", async () => {
  const [trouble] = await troublesOf({
    endpoints: ["http://registry.invalid"],
    proxy: "http://me:s3cret@127.0.0.1:1",
  });

  assert.equal(trouble?.found, "the proxy refuses connections (at 127.0.0.1:1)");
  assert.doesNotMatch(JSON.stringify(trouble), /s3cret/);
});
