import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { manifestLimitBytes } from "../../src/oci/manifest.ts";
import { eventually } from "../support/eventually.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { noise } from "../support/noise.ts";
import { patient } from "../support/patience.ts";
import { TestMirror } from "../support/test-mirror.ts";

const index = "application/vnd.oci.image.index.v1+json";
const digest = digestOf(Buffer.from("endless"));
const manifestByDigest = `/v2/team/app/manifests/${digest}`;
const manifestByTag = "/v2/team/app/manifests/latest";
const tags = "/v2/team/app/tags/list";
const blob = `/v2/team/app/blobs/${digest}`;

// What the kernel and the sockets of both sides hold when nobody reads any more; a body that is endless goes far
// beyond it before the mirror's memory shows anything.
const inFlightBytes = 24 * 1024 * 1024;

interface Case {
  readonly what: string;
  /** Where the endless body comes. */
  readonly at: string;
  readonly status: number;
  readonly type?: string;
  /** What is asked of the mirror, if it is not that. */
  readonly ask?: string;
  /** The most that is taken of the body. */
  readonly limitBytes: number;
  readonly expected: { readonly status: number; readonly kind: string };
}

const tooLarge = { status: 502, kind: "too-large" };
const cases: readonly Case[] = [
  {
    what: "manifest by digest",
    at: manifestByDigest,
    status: 200,
    limitBytes: 4 << 20,
    expected: tooLarge,
  },
  {
    what: "manifest by tag",
    at: manifestByTag,
    status: 200,
    limitBytes: 4 << 20,
    expected: tooLarge,
  },
  {
    what: "list of tags",
    at: tags,
    status: 200,
    type: "application/json",
    limitBytes: 4 << 20,
    expected: tooLarge,
  },
  {
    what: "error",
    at: tags,
    status: 500,
    limitBytes: 64 << 10,
    expected: { status: 502, kind: "status" },
  },
  {
    what: "refusal",
    at: blob,
    status: 403,
    limitBytes: 64 << 10,
    expected: { status: 403, kind: "refused" },
  },
  {
    what: "429",
    at: blob,
    status: 429,
    limitBytes: 64 << 10,
    expected: { status: 429, kind: "status" },
  },
  {
    what: "surprise",
    at: blob,
    status: 418,
    limitBytes: 64 << 10,
    expected: { status: 502, kind: "status" },
  },
  {
    what: "token",
    at: "/token",
    ask: tags,
    status: 200,
    limitBytes: 64 << 10,
    expected: { status: 502, kind: "nonsense" },
  },
  {
    what: "refused token",
    at: "/token",
    ask: tags,
    status: 500,
    limitBytes: 64 << 10,
    expected: { status: 502, kind: "status" },
  },
];

test("a body without end is ended, with an error, its connection and no more than its limit", async (t) => {
  for (const { what, at, status, type = index, ask = at, limitBytes, expected } of cases) {
    await t.test(what, async () => {
      await using hub = await FakeUpstream.start();
      await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
      const endless = new Endless(status, { "content-type": type });
      hub.override(at, endless.answer);
      if (at === "/token") challenge(hub, ask);

      const answer = await mirror.get(ask);

      assert.equal(answer.status, expected.status);
      assert.equal(JSON.parse(answer.body.toString()).errors[0].detail.kind, expected.kind);
      await endless.cut;
      const sentBytes = Math.max(...hub.requests.map((one) => one.sentBytes));
      assert.ok(sentBytes < limitBytes + inFlightBytes, `${sentBytes} bytes were sent`);
    });
  }
});

test("a body without end that nobody needs is ended behind the answer", async (t) => {
  const unneeded: readonly (readonly [what: string, path: string, status: number])[] = [
    ["of a 404", tags, 404],
    ["of a challenge", tags, 401],
    ["of a redirect", tags, 307],
  ];
  for (const [what, path, status] of unneeded) {
    await t.test(what, async () => {
      await using hub = await FakeUpstream.start();
      await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
      const endless = new Endless(status, {
        location: "/elsewhere",
        "www-authenticate": `Bearer realm="${hub.url}/token"`,
      });
      hub.override(path, endless.answer);

      const answer = await mirror.get(path);

      assert.ok(answer.status >= 400, `${answer.status}`);
      await endless.cut;
    });
  }
});

test("a manifest of 4 MiB is taken, one byte more is not", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const sizes: readonly (readonly [sizeBytes: number, declared: boolean, status: number])[] = [
    [manifestLimitBytes, true, 200],
    [manifestLimitBytes, false, 200],
    [manifestLimitBytes + 1, true, 502],
    [manifestLimitBytes + 1, false, 502],
  ];
  for (const [sizeBytes, declared, status] of sizes) {
    await t.test(`${sizeBytes} bytes, ${declared ? "declared" : "chunked"}`, async () => {
      const bytes = noise(`${sizeBytes} ${declared}`, sizeBytes);
      const path = `/v2/team/app/manifests/${digestOf(bytes)}`;
      hub.override(path, (_, response) => {
        const length = declared ? { "content-length": bytes.length } : {};
        response.writeHead(200, { "content-type": index, ...length }).end(bytes);
      });

      const answer = await mirror.get(path);

      assert.equal(answer.status, status);
      if (status === 200) assert.ok(answer.body.equals(bytes));
      else assert.match(answer.body.toString(), /more than the 4194304 bytes/);
    });
  }
});

test("a manifest that declares a gigabyte costs nothing before its bytes come", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    settings: {
      "docker.io": { timeouts: { ...patient, bodyIdleMs: 300 } },
    },
  });
  hub.override(manifestByDigest, (_, response) => {
    response.writeHead(200, { "content-type": index, "content-length": 2 ** 30 }).write("{");
  });

  const answer = await mirror.get(manifestByDigest);

  assert.equal(answer.status, 504);
});

test("upstream's own words reach the client as one short line", async () => {
  await using hub = await FakeUpstream.start();
  const words: readonly (readonly [body: string, told: RegExp])[] = [
    [
      '{"errors":[{"code":"TOOMANYREQUESTS","message":"slow down"}]}',
      /^TOOMANYREQUESTS: slow down$/,
    ],
    ["plain words", /^plain words$/],
    ["two\r\nlines \u001b[31mand red\u0000", /^two lines \[31mand red$/],
    ["<html><script>alert(1)</script></html>", /^$/],
    ['{"errors":[]}', /^\{"errors":\[\]\}$/],
    ['{"errors":[{"message":{"a":1}}]}', /^$/],
    ["x".repeat(60_000), /^x{300}$/],
    ["x".repeat(70_000), /^$/],
  ];
  for (const [body, told] of words) {
    // Another one each time, for it leaves alone who answers so.
    await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
    hub.override(tags, (_, response) => void response.writeHead(503).end(body));

    const [error] = JSON.parse((await mirror.get(tags)).body.toString()).errors;

    assert.match(error.detail.words, told);
  }
});

test("a HEAD that is answered with a body leaves no byte for the next answer", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.override(blob, (request, response) => {
    response.socket?.write(
      "HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: keep-alive\r\n\r\nHTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
    );
    if (request.method !== "HEAD") assert.fail("only a HEAD was expected");
  });

  for (let turn = 0; turn < 5; turn++) {
    const answer = await mirror.head(blob);
    assert.equal(answer.status, 200);
    assert.equal(answer.headers["content-length"], "5");
  }
});

/** A body that goes on until the other side ends it. */
class Endless {
  readonly answer: Answer;
  /** Resolves when the connection is closed by the mirror. */
  readonly cut: Promise<unknown>;

  constructor(status: number, headers: Readonly<Record<string, string>>) {
    const piece = Buffer.alloc(64 * 1024, "[");
    let closed = false;
    this.answer = (request, response) => {
      if (request.method === "HEAD") return void response.writeHead(status, headers).end();
      response.on("close", () => {
        closed = true;
      });
      response.writeHead(status, headers);
      const more = (): void => {
        if (response.destroyed) return;
        response.write(piece, () => setImmediate(more));
      };
      more();
    };
    this.cut = eventually("the mirror closes the connection", () => closed);
  }
}

function challenge(hub: FakeUpstream, path: string): void {
  hub.override(path, (_, response) => {
    response.writeHead(401, { "www-authenticate": `Bearer realm="${hub.url}/token"` }).end();
  });
}
