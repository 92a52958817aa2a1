import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { stripTypeScriptTypes } from "node:module";
import { test } from "node:test";
import { gunzipSync, gzipSync } from "node:zlib";
import { parse } from "acorn";
import { readDashboard } from "../../src/admin/page/dashboard-files.ts";
import { withoutComments } from "../../src/admin/page/without-comments.ts";
import { inCheckout } from "../support/deploy.ts";
import { type RawAnswer, rawRequest } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

const html = { accept: "text/html,*/*;q=0.8" };

test("a browser is given the dashboard at /, and a program a few lines about the API", async () => {
  await using mirror = await start();

  const page = await ask(mirror, "/", html);
  const lines = await ask(mirror, "/", { accept: "*/*" });

  assert.match(page.headers["content-type"] ?? "", /^text\/html/);
  assert.match(page.body.toString(), /^<!doctype html>/);
  assert.match(lines.body.toString(), /\/api\/v1\/openapi\.json/);
});

test("the policy of the page lets nothing run that is no file of the mirror", async () => {
  await using mirror = await start();

  const page = await ask(mirror, "/", html);
  const policy = String(page.headers["content-security-policy"]);

  for (const rule of [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "connect-src 'self'",
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
  ]) {
    assert.ok(policy.includes(rule), `${rule} is not in ${policy}`);
  }
  assert.doesNotMatch(policy, /unsafe|https?:|data:/);
  assert.doesNotMatch(page.body.toString(), /<style|style=|<script>|onload=|https?:\/\//);
});

test("every file that the page needs is served, and all are less than 190 kB, and 75 on their way", async () => {
  await using mirror = await start();
  const files = new Map<string, RawAnswer>();
  const wanted = ["/"];
  for (let path = wanted.pop(); path !== undefined; path = wanted.pop()) {
    if (files.has(path)) continue;
    const answer = await ask(mirror, path, { ...html, "accept-encoding": "identity" });
    assert.equal(answer.status, 200, path);
    files.set(path, answer);
    wanted.push(...needsOf(path, answer.body.toString()));
  }

  const sizes = [...files].map(([path, { body }]) => `${body.length} ${path}`);
  const sum = (sizeOf: (body: Buffer) => number): number =>
    [...files.values()].reduce((bytes, { body }) => bytes + sizeOf(body), 0);
  const [unpacked, packed] = [sum(({ length }) => length), sum((body) => gzipSync(body).length)];
  assert.ok(files.size > 20, sizes.join("\n"));
  assert.ok(unpacked < 190_000, `${unpacked} bytes:\n${sizes.join("\n")}`);
  assert.ok(packed < 75_000, `${packed} bytes:\n${sizes.join("\n")}`);
});

test("modules and style are served without comments, and mean the same", async () => {
  const { assets } = await readDashboard();
  const modules = [...assets.keys()].filter((path) => path.endsWith(".ts"));

  assert.ok(modules.length > 40);
  for (const path of modules) {
    const whole = stripTypeScriptTypes(await readFile(inCheckout(`src/${path}`), "utf8"));
    assert.equal(meaningOf(withoutComments(whole)), meaningOf(whole), path);
  }
  assert.equal(
    withoutComments("a {\n  /* One\n   * two. */\n  * b { c: d }\n}\n"),
    "a {\n\n\n* b { c: d }\n}\n",
  );
});

/** What a script does, wherever in the text that stands. */
function meaningOf(script: string): string {
  const tree = parse(script, { ecmaVersion: "latest", sourceType: "module" });
  return JSON.stringify(tree, (key, value) => (["start", "end"].includes(key) ? undefined : value));
}

test("files travel compressed, and a browser keeps them until another version is there", async () => {
  await using mirror = await start();
  const page = (await ask(mirror, "/", html)).body.toString();
  const [, path = "", version = ""] =
    /src="((?:assets\/)([0-9a-f]+)\/dashboard\/main\.ts)"/.exec(page) ?? [];

  const plain = await ask(mirror, `/${path}`, { "accept-encoding": "identity" });
  const packed = await ask(mirror, `/${path}`, { "accept-encoding": "gzip" });
  const old = await ask(mirror, `/${path.replace(version, "0123456789abcdef")}`, {});

  assert.equal(packed.headers["content-encoding"], "gzip");
  assert.ok(gunzipSync(packed.body).equals(plain.body));
  assert.match(String(plain.headers["content-type"]), /^text\/javascript/);
  assert.match(String(plain.headers["cache-control"]), /immutable/);
  assert.equal(old.status, 200);
  assert.equal(old.headers["cache-control"], "no-store");
});

test("nothing is served of src but what the page is made of", async () => {
  await using mirror = await start();

  for (const path of [
    "wiring/daemon.ts",
    "dashboard/tsconfig.json",
    "dashboard/../wiring/daemon.ts",
    "dashboard/..%2fwiring/daemon.ts",
    "npm/../../package.json",
  ]) {
    assert.equal((await ask(mirror, `/assets/0/${path}`, {})).status, 404, path);
  }
});

function start(): Promise<TestMirror> {
  return TestMirror.start({ upstreams: { "docker.io": "http://127.0.0.1:9" } });
}

/** What a page or a module asks for by itself. */
function needsOf(path: string, text: string): string[] {
  const names = path === "/" ? [...text.matchAll(/(?:src|href)="(assets[^"]+)"/g)] : [];
  const imports = path.endsWith("s")
    ? [...text.matchAll(/(?:from|import)\s*\(?\s*"([\w@./-]+)"/g)]
    : [];
  const base = `http://mirror${path}`;
  return [...names, ...imports].map(([, name = ""]) => new URL(name, base).pathname);
}

async function ask(
  mirror: TestMirror,
  target: string,
  headers: Readonly<Record<string, string>>,
): Promise<RawAnswer> {
  return await rawRequest(mirror.adminUrl, "GET", target, headers);
}
