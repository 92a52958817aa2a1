import assert from "node:assert/strict";
import type { ServerResponse } from "node:http";
import { test } from "node:test";
import type { UpstreamTimeouts } from "../../src/config/config.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob, type TestImage } from "../support/images.ts";
import { patient } from "../support/patience.ts";
import { TestMirror } from "../support/test-mirror.ts";

/** A registry that takes any token its own token server ever gave out, unless `accepts` says otherwise. */
class Registry implements AsyncDisposable {
  readonly upstream: FakeUpstream;
  readonly mirror: TestMirror;
  readonly #given = new Set<string>();
  /** What else a token must be. */
  accepts: (authorization: string) => boolean = () => true;

  private constructor(upstream: FakeUpstream, mirror: TestMirror) {
    this.upstream = upstream;
    this.mirror = mirror;
  }

  static async start(short: Partial<UpstreamTimeouts> = {}): Promise<Registry> {
    const upstream = await FakeUpstream.start();
    const timeouts = { ...patient, ...short };
    const mirror = await TestMirror.start({
      upstreams: { "docker.io": upstream },
      settings: { "docker.io": { timeouts } },
    });
    return new Registry(upstream, mirror);
  }

  /** An image that is only given to requests with a token; `challenge` is what others are told. */
  add(
    name: string,
    challenge = `Bearer realm="${this.upstream.url}/token",service="s"`,
  ): TestImage {
    const image = imageOfSize(name, 10);
    const { digest, bytes, mediaType } = image.manifest;
    this.upstream.override(`/v2/team/${name}/manifests/${digest}`, (request, response) => {
      const { authorization = "" } = request.headers;
      if (this.#given.has(authorization) && this.accepts(authorization)) {
        response.writeHead(200, { "content-type": mediaType }).end(bytes);
      } else {
        response.writeHead(401, { "www-authenticate": challenge }).end();
      }
    });
    return image;
  }

  /** Answers token requests with this JSON; "$" in it is a new token each time. */
  giveTokens(template: Record<string, unknown>, path = "/token"): void {
    this.upstream.override(path, (_, response) => {
      const token = `t${this.#given.size}`;
      this.#given.add(`Bearer ${token}`);
      sendJson(response, JSON.stringify(template).replaceAll('"$"', `"${token}"`));
    });
  }

  pull(name: string, { manifest }: TestImage): ReturnType<TestMirror["get"]> {
    return this.mirror.get(`/v2/team/${name}/manifests/${manifest.digest}`);
  }

  tokenRequests(): URLSearchParams[] {
    return this.upstream.requests
      .filter(({ target }) => target.startsWith("/token"))
      .map(({ target }) => new URL(target, this.upstream.url).searchParams);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.mirror[Symbol.asyncDispose]();
    await this.upstream[Symbol.asyncDispose]();
  }
}

/** Opens when so many have arrived. */
class Gate {
  readonly open: Promise<void>;
  readonly #resolve: () => void;
  #missing: number;

  constructor(count: number) {
    const { promise, resolve } = Promise.withResolvers<void>();
    this.open = promise;
    this.#resolve = resolve;
    this.#missing = count;
  }

  arrive(): Promise<void> {
    if (--this.#missing === 0) this.#resolve();
    return this.open;
  }
}

test("twenty parallel pulls from one repository share one token request", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const layers = Array.from({ length: 20 }, (_, at) => noiseBlob(`parallel ${at}`, 100));
  const challenged = new Gate(layers.length);
  const told = new Gate(layers.length);
  // No challenge is sent until all have asked, no token until all have been challenged: all want it at once.
  hub.override("/token", async (_, response) => {
    await told.open;
    sendJson(response, '{"token":"shared","expires_in":300}');
  });
  for (const { digest, bytes } of layers) {
    hub.override(`/v2/team/app/blobs/${digest}`, async (request, response) => {
      if (request.headers.authorization === "Bearer shared") {
        return void response.writeHead(200).end(bytes);
      }
      await challenged.arrive();
      const challenge = `Bearer realm="${hub.url}/token"`;
      response.writeHead(401, { "www-authenticate": challenge }).end(() => told.arrive());
    });
  }

  const answers = await Promise.all(
    layers.map(({ digest }) => mirror.get(`/v2/team/app/blobs/${digest}`)),
  );

  for (const [at, { status, body }] of answers.entries()) {
    assert.equal(status, 200);
    assert.deepEqual(body, layers[at]?.bytes);
  }
  assert.equal(hub.count("GET", "/token"), 1);
  assert.equal(hub.count("GET", "/blobs/"), 40);
});

test("the scope is the repository's own, to pull and nothing else, whatever the challenge says", async () => {
  await using registry = await Registry.start();
  const placeholder = `Bearer realm="${registry.upstream.url}/token?account=x",service="a, b",scope="repository:user/image:pull,push,delete"`;
  const image = registry.add("scoped", placeholder);
  registry.giveTokens({ token: "$", expires_in: 300 });

  assert.equal((await registry.pull("scoped", image)).status, 200);

  const [asked] = registry.tokenRequests();
  assert.deepEqual(asked?.getAll("scope"), ["repository:team/scoped:pull"]);
  assert.deepEqual(asked?.getAll("service"), ["a, b"]);
  assert.deepEqual(asked?.getAll("account"), ["x"]);
  const request = registry.upstream.requests.find(({ target }) => target.startsWith("/token"));
  assert.equal(request?.headers.authorization, undefined);
  assert.equal(request?.headers["accept-encoding"], "identity");
});

test("a token is for one repository", async () => {
  await using registry = await Registry.start();
  const images = ["one", "two"].map((name) => [name, registry.add(name)] as const);
  registry.giveTokens({ token: "$", expires_in: 300 });

  for (const [name, image] of images) {
    assert.equal((await registry.pull(name, image)).status, 200);
  }

  assert.deepEqual(
    registry.tokenRequests().map((query) => query.get("scope")),
    ["repository:team/one:pull", "repository:team/two:pull"],
  );
});

test("an access_token is a token, and token goes first", async (t) => {
  await using registry = await Registry.start();
  const bodies: readonly Record<string, unknown>[] = [
    { access_token: "$" },
    { token: "$", access_token: "other" },
    { token: "", access_token: "$" },
    { token: null, access_token: "$" },
    { token: "line\nbreak", access_token: "$" },
  ];
  for (const [at, body] of bodies.entries()) {
    await t.test(JSON.stringify(body), async () => {
      const image = registry.add(`access-${at}`);
      registry.giveTokens(body);

      assert.equal((await registry.pull(`access-${at}`, image)).status, 200);
    });
  }
});

test("a token that the registry takes no more costs one token request, and the client notices nothing", async () => {
  await using registry = await Registry.start();
  const images = Array.from({ length: 20 }, (_, at) => registry.add(`revoked-${at}`));
  const name = (at: number): string => `revoked-${at}`;
  registry.giveTokens({ token: "$", expires_in: 300 });
  for (const [at, image] of images.entries()) await registry.pull(name(at), image);
  const before = registry.tokenRequests().length;
  const last = registry.add("revoked-0-more");
  // Of the same repository, so that the token that is revoked is the one they would use.
  const digest = last.manifest.digest;
  registry.upstream.override(`/v2/team/revoked-0/manifests/${digest}`, (request, response) => {
    const fresh = request.headers.authorization === `Bearer t${before}`;
    if (!fresh) {
      const challenge = `Bearer realm="${registry.upstream.url}/token",service="s"`;
      return void response.writeHead(401, { "www-authenticate": challenge }).end();
    }
    response.writeHead(200, { "content-type": last.manifest.mediaType }).end(last.manifest.bytes);
  });

  const answer = await registry.pull("revoked-0", last);

  assert.equal(answer.status, 200);
  assert.deepEqual(answer.body, last.manifest.bytes);
  assert.equal(registry.tokenRequests().length, before + 1);
});

test("a refusal after a fresh token is a refusal, and never a challenge to the client", async () => {
  await using registry = await Registry.start();
  const image = registry.add("private");
  registry.giveTokens({ token: "$", expires_in: 300 });
  registry.accepts = () => false;

  const answer = await registry.pull("private", image);

  assertError(answer, { status: 403, code: "DENIED", kind: "refused" });
  assert.equal(answer.headers["www-authenticate"], undefined);
  assert.equal(registry.tokenRequests().length, 1);
  assert.equal(registry.upstream.count("GET", "/manifests/"), 2);
});

const challenges: readonly (readonly [what: string, challenge: string | null])[] = [
  ["a Basic challenge only", 'Basic realm="registry"'],
  ["a challenge without realm", 'Bearer service="s"'],
  ["16 KiB of commas less a few", ",".repeat(15 * 1024)],
  ["no challenge", null],
];

test("a refusal that no token can lift is a refusal", async (t) => {
  await using registry = await Registry.start();
  for (const [what, challenge] of challenges) {
    await t.test(what, async () => {
      const path = "/v2/team/basic/tags/list";
      registry.upstream.override(path, (_, response) => {
        const headers = challenge === null ? {} : { "www-authenticate": challenge };
        response.writeHead(401, headers).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      });

      const answer = await registry.mirror.get(path);

      assertError(answer, { status: 403, code: "DENIED", kind: "refused" });
      assert.equal(answer.headers["www-authenticate"], undefined);
    });
  }
  assert.equal(registry.tokenRequests().length, 0);
});

test("a realm that is no URL, or leads where no hop may, is not asked, and the pull is 502", async (t) => {
  await using registry = await Registry.start();
  await using elsewhere = await FakeUpstream.start();
  const { host } = new URL(elsewhere.url);
  const realms: readonly (readonly [what: string, realm: string, kind: string])[] = [
    ["no URL", "/token", "nonsense"],
    ["a user name", `http://user:SECRET@${host}/token`, "forbidden-hop"],
    ["another scheme", `ftp://${host}/token`, "forbidden-hop"],
    ["a metadata address", "http://169.254.169.254/token", "forbidden-hop"],
  ];
  for (const [at, [what, realm, kind]] of realms.entries()) {
    await t.test(what, async () => {
      const image = registry.add(`realm-${at}`, `Bearer realm="${realm}"`);

      const answer = await registry.pull(`realm-${at}`, image);

      assertError(answer, { status: 502, code: "UNAVAILABLE", kind });
      assert.doesNotMatch(answer.body.toString(), /SECRET/);
    });
  }
  assert.equal(elsewhere.requests.length, 0);
});

// The last challenge is remembered, so that pulls ask for their token first. One that led to no token stood before
// every later pull: the registry itself was not asked again, and what it said now was never read.
test("a challenge that leads to no token any more is forgotten", async (t) => {
  const beginnings: readonly (readonly [what: string, realm: string])[] = [
    ["after one that never led to a token", "http://169.254.169.254/token"],
    ["after one whose token server has moved", "old"],
  ];
  for (const [what, realm] of beginnings) {
    await t.test(what, async () => {
      await using registry = await Registry.start();
      const { upstream } = registry;
      const old = realm === "old" ? `${upstream.url}/old` : realm;
      registry.giveTokens({ token: "$", expires_in: 0 }, "/old");
      registry.giveTokens({ token: "$", expires_in: 300 });
      await registry.pull("before", registry.add("before", `Bearer realm="${old}"`));
      assert.equal(upstream.count("GET", "/old"), realm === "old" ? 1 : 0);
      upstream.override("/old", (_, response) => void response.writeHead(404).end());
      const after = registry.add("after");

      // This pull may be the one that learns it.
      await registry.pull("after", after);
      const answer = await registry.pull("after", after);

      assert.equal(answer.status, 200);
    });
  }
});

test("a token server on another host is asked without anything of ours", async () => {
  await using registry = await Registry.start();
  await using auth = await FakeUpstream.start();
  const image = registry.add("elsewhere", `Bearer realm="${auth.url}/auth"`);
  auth.override("/auth", (_, response) => sendJson(response, '{"token":"x"}'));

  const answer = await registry.pull("elsewhere", image);

  assertError(answer, { status: 403, code: "DENIED", kind: "refused" });
  assert.deepEqual(
    auth.requests.map(({ target, headers }) => [target, headers.authorization, headers.cookie]),
    [["/auth?scope=repository%3Ateam%2Felsewhere%3Apull", undefined, undefined]],
  );
});

interface TokenTrouble {
  readonly what: string;
  /** The time-outs that it is given up by. */
  readonly short?: Partial<UpstreamTimeouts>;
  readonly answer: Answer;
  readonly expected: { readonly status: number; readonly code: string; readonly kind: string };
}

// Right answers come within it: below a second a thread that stood still would have lost them.
const longEnoughMs = 1_500;

const nonsense = { status: 502, code: "UNAVAILABLE", kind: "nonsense" };
const troubles: readonly TokenTrouble[] = [
  {
    what: "cuts the connection",
    answer: (_, response) => void response.socket?.destroy(),
    expected: { status: 502, code: "UNAVAILABLE", kind: "unreachable" },
  },
  {
    what: "never answers",
    short: { headersMs: longEnoughMs },
    answer: () => {},
    expected: { status: 504, code: "UNAVAILABLE", kind: "timeout" },
  },
  {
    what: "stops within its answer",
    short: { bodyIdleMs: longEnoughMs },
    answer: (_, response) => void response.writeHead(200).write('{"token":'),
    expected: { status: 504, code: "UNAVAILABLE", kind: "timeout" },
  },
  {
    what: "ends within its answer",
    answer: (_, response) => {
      response.writeHead(200, { "content-length": 100 });
      response.write('{"token":', () => response.socket?.destroy());
    },
    expected: { status: 502, code: "UNAVAILABLE", kind: "unreachable" },
  },
  {
    what: "says 401",
    answer: (_, response) => void response.writeHead(401).end(),
    expected: { status: 403, code: "DENIED", kind: "refused" },
  },
  {
    what: "says 403",
    answer: (_, response) => void response.writeHead(403).end(),
    expected: { status: 403, code: "DENIED", kind: "refused" },
  },
  {
    what: "says 404",
    answer: (_, response) => void response.writeHead(404).end(),
    expected: { status: 502, code: "UNAVAILABLE", kind: "status" },
  },
  {
    what: "says 429",
    answer: (_, response) => void response.writeHead(429, { "retry-after": "0" }).end(),
    expected: { status: 429, code: "TOOMANYREQUESTS", kind: "status" },
  },
  {
    what: "says 500",
    answer: (_, response) => void response.writeHead(500).end("oops"),
    expected: { status: 502, code: "UNAVAILABLE", kind: "status" },
  },
  {
    what: "sends a web page",
    answer: (_, response) => void response.writeHead(200).end("<html>log in</html>"),
    expected: nonsense,
  },
  { what: "sends nothing", answer: (_, r) => sendJson(r, ""), expected: nonsense },
  { what: "sends null", answer: (_, r) => sendJson(r, "null"), expected: nonsense },
  { what: "sends an array", answer: (_, r) => sendJson(r, '["t"]'), expected: nonsense },
  { what: "sends no token", answer: (_, r) => sendJson(r, "{}"), expected: nonsense },
  { what: "sends a number", answer: (_, r) => sendJson(r, '{"token":1}'), expected: nonsense },
  {
    what: "sends a token that is two headers",
    answer: (_, r) => sendJson(r, '{"token":"a\\r\\nx: y"}'),
    expected: nonsense,
  },
  {
    what: "sends a byte more than 64 KiB",
    answer: (_, r) => sendJson(r, '{"token":"x"}'.padEnd(64 * 1024 + 1)),
    expected: nonsense,
  },
  {
    what: "redirects for ever",
    answer: (_, response) => void response.writeHead(307, { location: "/token" }).end(),
    expected: { status: 502, code: "UNAVAILABLE", kind: "forbidden-hop" },
  },
  {
    what: "redirects to a metadata address",
    answer: (_, response) =>
      void response.writeHead(307, { location: "http://169.254.169.254/" }).end(),
    expected: { status: 502, code: "UNAVAILABLE", kind: "forbidden-hop" },
  },
];

for (const { what, short, answer, expected } of troubles) {
  test(`a token server that ${what} is upstream's trouble, and no longer than it does so`, async () => {
    await using registry = await Registry.start(short);
    const image = registry.add("trouble");
    registry.upstream.override("/token", answer);

    const pulled = await registry.pull("trouble", image);

    assertError(pulled, expected);
    if (expected.status === 429) {
      assert.equal(pulled.headers["retry-after"], "0");
      return;
    }
    registry.giveTokens({ token: "$" });
    const over = registry.add("trouble-over");
    assert.equal((await registry.pull("trouble-over", over)).status, 200);
  });
}

test("a token of exactly 64 KiB of answer is taken, and a redirect to the token is followed", async () => {
  await using registry = await Registry.start();
  const large = registry.add("large");
  registry.giveTokens({ token: "$", padding: "x".repeat(64 * 1024 - 29) });

  assert.equal((await registry.pull("large", large)).status, 200);

  const moved = registry.add("moved");
  registry.upstream.override("/token", (_, response) => {
    response.writeHead(302, { location: "/other" }).end();
  });
  registry.giveTokens({ token: "$" }, "/other");
  assert.equal((await registry.pull("moved", moved)).status, 200);
});

test("no token is in the log, in whatever way a pull ended", async () => {
  await using registry = await Registry.start();
  const fine = registry.add("fine");
  const refused = registry.add("refused");
  registry.upstream.override("/token", (_, response) => sendJson(response, '{"token":"CANARY"}'));

  await registry.pull("fine", fine);
  await registry.pull("refused", refused);

  assert.ok(registry.mirror.logLines.length > 0);
  assert.doesNotMatch(JSON.stringify(registry.mirror.logLines), /CANARY/);
});

function assertError(
  { status, body }: { status: number; body: Buffer },
  expected: { readonly status: number; readonly code: string; readonly kind: string },
): void {
  const [error] = JSON.parse(body.toString()).errors;
  assert.deepEqual({ status, code: error.code, kind: error.detail.kind }, expected);
  assert.equal(error.detail.upstream, "docker.io");
}

function sendJson(response: ServerResponse, text: string): void {
  response.writeHead(200, { "content-type": "application/json" });
  response.end(text);
}
