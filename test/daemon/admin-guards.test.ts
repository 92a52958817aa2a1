import assert from "node:assert/strict";
import { once } from "node:events";
import { mkdtempDisposable } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { request } from "node:https";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Answer, ask } from "../support/ask.ts";
import { makeCertificate } from "../support/certificate.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

const upstreams = { "docker.io": "http://127.0.0.1:9" };
const pin = { patterns: ["docker.io/library/*"] };

type Headers = Readonly<Record<string, string>>;

const json = { "content-type": "application/json" };
const ownPage = { ...json, "sec-fetch-site": "same-origin" };

/** Orders a pin at the admin address, with these headers. */
function order(mirror: TestMirror, headers: Headers, method = "POST"): Promise<Answer> {
  const body = Buffer.from(JSON.stringify(pin));
  return ask(`${mirror.adminUrl}/api/v1/pin`, { method, headers, body });
}

async function pinned(mirror: TestMirror): Promise<number> {
  return JSON.parse((await mirror.admin("/api/v1/pins")).body.toString()).pins.length;
}

test("the page on this machine may change something, and the log says who did what", async () => {
  await using mirror = await TestMirror.start({ upstreams });
  const { host } = new URL(mirror.adminUrl);
  const table: readonly Headers[] = [
    { ...ownPage, origin: mirror.adminUrl },
    { ...json, origin: mirror.adminUrl },
    { ...json, origin: `https://${host}`, "content-type": "application/json; charset=utf-8" },
    { ...ownPage, host: "localhost:8001", origin: "http://localhost:8001" },
  ];
  for (const headers of table) {
    const { status, bytes } = await order(mirror, headers);
    assert.equal(status, 200, `${JSON.stringify(headers)} ${bytes}`);
  }

  const lines = mirror.logLines.filter(({ msg }) => msg === "change was asked for");
  assert.equal(lines.length, table.length);
  const { by, client, target, order: asked } = lines[0] ?? {};
  assert.deepEqual(
    { by, client, target, order: asked },
    { by: "anybody on this machine", client: "127.0.0.1", target: "/api/v1/pin", order: pin },
  );
});

test("who pulls from the admin API is told where to, in words that clients show", async () => {
  await using mirror = await TestMirror.start({ upstreams });

  const { status, bytes } = await ask(`${mirror.adminUrl}/v2/library/alpine/manifests/latest`);

  assert.equal(status, 404);
  const [error] = JSON.parse(bytes.toString()).errors;
  assert.equal(error.code, "UNSUPPORTED");
  assert.match(error.message, /pull from its other port, that of server\.listen$/);
});

// Behind a proxy that has its own name for us.
const elsewhere = "https://admin.example.com";

const attacks: Readonly<Record<string, readonly [headers: Headers, status: number]>> = {
  "a form of another site": [
    { "content-type": "application/x-www-form-urlencoded", origin: "https://evil.example" },
    415,
  ],
  "a form of another site that looks like JSON": [
    { "content-type": "text/plain", origin: "https://evil.example" },
    415,
  ],
  "JSON as text from our own page": [{ ...ownPage, "content-type": "text/plain" }, 415],
  "no type at all": [{ "sec-fetch-site": "same-origin" }, 415],
  "a type that only begins so": [{ ...ownPage, "content-type": "application/json-seq" }, 415],
  "fetch of another site": [{ ...json, "sec-fetch-site": "cross-site" }, 403],
  "fetch of a neighbouring site": [{ ...json, "sec-fetch-site": "same-site" }, 403],
  "an extension of the browser": [{ ...json, "sec-fetch-site": "none" }, 403],
  "another origin": [{ ...json, origin: "https://evil.example" }, 403],
  "another port of this machine": [{ ...json, origin: "http://127.0.0.1:1" }, 403],
  "no origin that can be named": [{ ...json, origin: "null" }, 403],
  "a program that says nothing of itself": [json, 403],
  "a page that came through a proxy": [{ ...ownPage, origin: elsewhere }, 403],
  "a name that leads here though it is none of ours": [
    { ...ownPage, host: "attacker.example" },
    421,
  ],
  "such a name with an origin to match": [
    { ...json, host: "attacker.example:5001", origin: "http://attacker.example:5001" },
    421,
  ],
};

for (const [what, [headers, status]] of Object.entries(attacks)) {
  test(`nothing is changed for ${what}`, async () => {
    await using mirror = await TestMirror.start({ upstreams });

    const answer = await order(mirror, headers);

    assert.equal(answer.status, status);
    assert.match(JSON.parse(answer.bytes.toString()).error, /\w+ \w+/);
    assert.equal(answer.headers["access-control-allow-origin"], undefined);
    assert.equal(await pinned(mirror), 0);
    const refused = mirror.logLines.filter(({ msg }) => msg === "change was refused");
    assert.equal(refused.length, status === 421 ? 0 : 1);
  });
}

test("nothing is changed by a request that reads, whatever it says of its method", async () => {
  await using mirror = await TestMirror.start({ upstreams });
  const override = { ...ownPage, "x-http-method-override": "POST", "x-method-override": "POST" };

  for (const target of ["/api/v1/pin", "/api/v1/pin?_method=POST", "/api/v1/purge"]) {
    const { status } = await ask(`${mirror.adminUrl}${target}`, { headers: override });
    assert.equal(status, 404, target);
  }
  for (const method of ["PUT", "PATCH", "DELETE", "OPTIONS"]) {
    const own = { ...ownPage, origin: mirror.adminUrl };
    const { status, headers } = await order(mirror, own, method);
    assert.equal(status, 404, method);
    assert.equal(headers["access-control-allow-methods"], undefined);
  }
  assert.equal(await pinned(mirror), 0);
});

test("a purge takes names of images, and no paths", async () => {
  await using mirror = await TestMirror.start({ upstreams });

  for (const pattern of ["../../etc/passwd", "/etc/passwd", "docker.io/../../x", "..%2f..%2fx"]) {
    const body = Buffer.from(JSON.stringify({ dryRun: false, patterns: [pattern] }));
    const asked = { method: "POST", headers: { ...ownPage, origin: mirror.adminUrl }, body };
    const { status } = await ask(`${mirror.adminUrl}/api/v1/purge`, asked);
    assert.ok(status === 400 || status === 404, `${pattern}: ${status}`);
  }
});

test("an order that is too long is refused", async () => {
  await using mirror = await TestMirror.start({ upstreams });
  const body = Buffer.from(JSON.stringify({ patterns: [`docker.io/${"a".repeat(64 * 1024)}`] }));
  const headers = { ...json, origin: mirror.adminUrl };

  const answer = await ask(`${mirror.adminUrl}/api/v1/pin`, { method: "POST", headers, body });

  assert.equal(answer.status, 413);
  assert.equal(
    JSON.parse(answer.bytes.toString()).error,
    "an order may have 65536 bytes, and this has more",
  );
  assert.equal(await pinned(mirror), 0);
});

test("of many orders at once each is carried out and logged, or told to come again", async () => {
  await using mirror = await TestMirror.start({ upstreams });
  const own = { ...ownPage, origin: mirror.adminUrl };

  const answers = await Promise.all(Array.from({ length: 60 }, () => order(mirror, own)));

  const done = answers.filter(({ status }) => status === 200);
  const later = answers.filter(({ status }) => status === 503);
  assert.ok(done.length > 0 && done.length + later.length === answers.length);
  const lines = mirror.logLines.filter(({ msg }) => msg === "change was asked for");
  assert.equal(lines.length, done.length);
  assert.equal(await pinned(mirror), 1);
});

test("the admin API answers where it is asked by an address or a name of its machine, and refuses any other name", async () => {
  const hosts = ["admin.example.com"];
  await using mirror = await TestMirror.start({ upstreams, admin: { hosts } });
  const own = [
    "127.0.0.1:5001",
    "[::1]:5001",
    "10.1.2.3",
    "localhost",
    "LocalHost.:80",
    hostname(),
    "admin.example.com:443",
  ];
  const foreign = ["attacker.example", "127.0.0.1.attacker.example", "example.com", "127.1"];

  for (const host of own) assert.equal(await statusAs(host, mirror), 200, host);
  for (const host of foreign) assert.equal(await statusAs(host, mirror), 421, host);
  for (const target of ["/", "/metrics", "/healthz", "/nothing"]) {
    const { status } = await ask(`${mirror.adminUrl}${target}`, { headers: { host: "x.example" } });
    assert.equal(status, 421, target);
  }
});

test("a name in the admin listener's certificate is one of the machine", async (t) => {
  if (!haveAll(t, "openssl")) return;
  await using home = await mkdtempDisposable(join(tmpdir(), "certificate-"));
  const adminTls = [await makeCertificate(home.path, { names: ["DNS:admin.example.com"] })];
  await using mirror = await TestMirror.start({ upstreams, adminTls });

  assert.equal(await statusOverTls("admin.example.com", mirror), 200);
  assert.equal(await statusOverTls("other.example.com", mirror), 421);
});

test("by a name of the machine that others may have too, nobody who is not logged in changes anything", async () => {
  const hosts = ["admin.example.com"];
  await using mirror = await TestMirror.start({ upstreams, admin: { hosts } });

  const host = "admin.example.com";
  const answer = await order(mirror, { ...ownPage, host, origin: `https://${host}` });

  assert.equal(answer.status, 403);
  assert.match(answer.bytes.toString(), /admin\.auth/);
  assert.equal(await pinned(mirror), 0);
});

test("every answer tells browsers to run nothing foreign, and to show it in no other page", async () => {
  await using mirror = await TestMirror.start({ upstreams });
  const asked: readonly (readonly [target: string, headers: Headers])[] = [
    ["/", {}],
    ["/api/v1/stats", {}],
    ["/metrics", {}],
    ["/nothing", {}],
    ["/", { host: "attacker.example" }],
  ];
  for (const [target, headers] of asked) {
    const { headers: told } = await ask(`${mirror.adminUrl}${target}`, { headers });
    const policy = String(told["content-security-policy"]);
    assert.match(policy, /default-src 'none'; script-src 'self'; style-src 'self'/, target);
    assert.match(policy, /frame-ancestors 'none'/);
    assert.doesNotMatch(policy, /unsafe|\*/);
    assert.equal(told["x-content-type-options"], "nosniff");
    assert.equal(told["referrer-policy"], "same-origin");
    assert.equal(told["cross-origin-opener-policy"], "same-origin");
    assert.equal(told["cross-origin-resource-policy"], "same-origin");
  }
});

async function statusAs(host: string, mirror: TestMirror): Promise<number> {
  return (await ask(`${mirror.adminUrl}/api/v1/stats`, { headers: { host } })).status;
}

/** Of a client that believes any certificate: it is the name in the request that counts here. */
async function statusOverTls(host: string, { adminUrl }: TestMirror): Promise<number | undefined> {
  const asking = request(adminUrl, { headers: { host }, agent: false, rejectUnauthorized: false });
  const [response] = (await once(asking.end(), "response")) as [IncomingMessage];
  response.resume();
  return response.statusCode;
}
