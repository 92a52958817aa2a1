import assert from "node:assert/strict";
import { test } from "node:test";
import { DistributionError } from "../../src/oci/distribution-error.ts";
import { toDistributionError } from "../../src/server/error-answer.ts";
import { UpstreamError, type UpstreamFailure } from "../../src/upstream/upstream-error.ts";
import { type Answer, FakeUpstream } from "../support/fake-upstream.ts";
import { TestMirror } from "../support/test-mirror.ts";

const status = (code: number, retryAfter: string | null = null): UpstreamFailure => ({
  kind: "status",
  status: code,
  words: "its words",
  retryAfter,
});

interface Row {
  readonly failure: UpstreamFailure;
  readonly status: number;
  readonly code: string;
  readonly says: RegExp;
  readonly retryAfter?: string;
  /** What is told of it; all of it where nothing is said. */
  readonly detail?: UpstreamFailure;
}

const rows: readonly Row[] = [
  {
    failure: { kind: "unreachable", reason: "ECONNREFUSED" },
    status: 502,
    code: "UNAVAILABLE",
    says: /^ghcr\.io cannot be reached: ECONNREFUSED$/,
  },
  ...(["connect", "headers", "body"] as const).map((phase) => ({
    failure: { kind: "timeout", phase } as const,
    status: 504,
    code: "UNAVAILABLE",
    says: /^ghcr\.io did not answer in time/,
  })),
  {
    failure: { kind: "cut", reason: "other side closed" },
    status: 502,
    code: "UNAVAILABLE",
    says: /broke off its answer: other side closed/,
  },
  {
    failure: { kind: "refused", status: 401, words: "", mirror: null },
    status: 403,
    code: "DENIED",
    says: /refused with status 401$/,
  },
  {
    failure: { kind: "refused", status: 403, words: "no", mirror: null },
    status: 403,
    code: "DENIED",
    says: /refused with status 403$/,
    detail: { kind: "refused", status: 403, words: "", mirror: null },
  },
  { failure: status(429), status: 429, code: "TOOMANYREQUESTS", says: /status 429: its words/ },
  {
    failure: status(429, "17"),
    status: 429,
    code: "TOOMANYREQUESTS",
    says: /status 429/,
    retryAfter: "17",
  },
  {
    failure: status(429, "Wed, 21 Oct 2026 07:28:00 GMT"),
    status: 429,
    code: "TOOMANYREQUESTS",
    says: /status 429/,
    retryAfter: "Wed, 21 Oct 2026 07:28:00 GMT",
  },
  { failure: status(500), status: 502, code: "UNAVAILABLE", says: /status 500/ },
  { failure: status(501), status: 502, code: "UNAVAILABLE", says: /status 501/ },
  { failure: status(502), status: 502, code: "UNAVAILABLE", says: /status 502/ },
  { failure: status(503), status: 503, code: "UNAVAILABLE", says: /status 503/ },
  {
    failure: status(503, "30"),
    status: 503,
    code: "UNAVAILABLE",
    says: /status 503/,
    retryAfter: "30",
  },
  { failure: status(504), status: 502, code: "UNAVAILABLE", says: /status 504/ },
  { failure: status(400), status: 502, code: "UNAVAILABLE", says: /status 400/ },
  { failure: status(418), status: 502, code: "UNAVAILABLE", says: /status 418/ },
  { failure: status(204), status: 502, code: "UNAVAILABLE", says: /status 204/ },
  ...[429, 500, 502, 503, 504, 508].map((code) => ({
    failure: {
      kind: "relayed",
      mirror: "parent:5000",
      status: code,
      words: "ghcr.io did what it did",
      retryAfter: "5",
    } as const,
    status: [429, 503, 504].includes(code) ? code : 502,
    code: code === 429 ? "TOOMANYREQUESTS" : "UNAVAILABLE",
    says: /^ghcr\.io did what it did \(told by the mirror at parent:5000\)$/,
    retryAfter: "5",
  })),
  {
    failure: { kind: "forbidden-hop", reason: "10.0.0.1 is private" },
    status: 502,
    code: "UNAVAILABLE",
    says: /not followed: 10\.0\.0\.1/,
  },
  {
    failure: { kind: "too-large", limitBytes: 4194304 },
    status: 502,
    code: "UNAVAILABLE",
    says: /more than the 4194304 bytes/,
  },
  {
    failure: { kind: "nonsense", reason: "html" },
    status: 502,
    code: "UNAVAILABLE",
    says: /makes no sense: html/,
  },
];

for (const { failure, status, code, says, retryAfter, detail = failure } of rows) {
  test(`${JSON.stringify(failure)} becomes ${status} ${code}, with what is known of it`, () => {
    const error = toDistributionError(new UpstreamError("ghcr.io", failure));

    assert.equal(error.status, status);
    assert.equal(error.headers["retry-after"], retryAfter);
    assert.match(error.headers["cache-status"] ?? "", /^sluice; fwd=miss; .*detail="ghcr\.io /);
    const [told] = JSON.parse(error.toBody()).errors;
    assert.equal(told.code, code);
    assert.match(told.message, says);
    assert.deepEqual(told.detail, { upstream: "ghcr.io", ...detail });
  });
}

test("an error that is for the client reaches it as it is, and any other tells it nothing", () => {
  const mine = new DistributionError("BLOB_UNKNOWN", "none");
  assert.equal(toDistributionError(mine), mine);

  for (const bug of [new TypeError("at /secret/path.ts"), "text", null, undefined]) {
    const error = toDistributionError(bug);
    assert.equal(error.status, 500);
    assert.equal(error.code, "UNKNOWN");
    assert.doesNotMatch(error.toBody(), /secret|text/);
  }
});

const list = "/v2/team/app/tags/list";

test("an upstream's status, Retry-After and words come through, its headers do not", async (t) => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  const answers: readonly (readonly [upstream: number, expected: number])[] = [
    [500, 502],
    [503, 503],
    [301, 502],
    [204, 502],
    [206, 502],
    // The last, for nothing is asked then for a while.
    [429, 429],
  ];
  for (const [upstream, expected] of answers) {
    await t.test(`${upstream}`, async () => {
      hub.override(list, failing(upstream));

      const answer = await mirror.get(list);

      assert.equal(answer.status, expected);
      assert.equal(answer.headers["retry-after"], "7");
      assert.equal(answer.headers["x-canary"], undefined);
      assert.equal(answer.headers["content-type"], "application/json");
      const { detail } = JSON.parse(answer.body.toString()).errors[0];
      assert.equal(detail.upstream, "docker.io");
      assert.equal(detail.status, upstream);
    });
  }
});

test("two Retry-After headers, or one of odd letters, break no answer", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  for (const retryAfter of [["1", "2"], "\u00e9\u00ff", "x".repeat(8000), ""]) {
    hub.override(list, (_, response) => {
      response.writeHead(429, { "retry-after": retryAfter as string }).end();
    });

    const answer = await mirror.get(list);

    assert.equal(answer.status, 429);
    assert.equal(answer.complete, true);
  }
});

test("an upstream that is down is a 502, and never a 404", async () => {
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  await hub.down();

  const answer = await mirror.get(list);

  assert.equal(answer.status, 502);
  assert.equal(JSON.parse(answer.body.toString()).errors[0].detail.kind, "unreachable");
});

function failing(status: number): Answer {
  return (_, response) => {
    response.writeHead(status, { "retry-after": "7", "x-canary": "1" });
    response.end(status === 204 ? undefined : '{"errors":[{"code":"X","message":"words"}]}');
  };
}
