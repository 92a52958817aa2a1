import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { type RawAnswer, rawRequest } from "../support/raw-client.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { TracedCalls } from "../support/traced-calls.ts";

const digest = digestOf(Buffer.from("stored"));
const hex = digest.slice("sha256:".length);

/** As parts of a target, byte for byte as a client may write them. What HTTP itself refuses is tested elsewhere. */
const attacks: readonly string[] = [
  // Ways out.
  "..",
  "../..",
  "../../../../../../etc/passwd",
  "..%2f..%2f..%2fetc%2fpasswd",
  "%2e%2e",
  "%2e%2e/%2e%2e/etc/passwd",
  "%252e%252e%252fetc%252fpasswd",
  "..%5c..%5cetc",
  "..\\..\\etc",
  "....//....//etc/passwd",
  "..;/..;/etc/passwd",
  ".",
  "./.",
  "a/./b",
  "a/../b",
  "a//b",
  "/etc/passwd",
  "//etc/passwd",
  "%2f%2f..%2f..%2fetc/passwd",
  "%2fproc%2fself%2fenviron",
  "~",
  "~root",
  // Letters that become others.
  "%00",
  "a%00.b",
  "%0d%0aX-Injected:%20yes",
  "%0a",
  "%20",
  "%c0%ae%c0%ae%c0%af",
  "%e0%80%ae",
  "%f0%80%80%ae",
  "%ef%bc%8e%ef%bc%8e",
  "%e2%80%a4%e2%80%a4",
  "%e2%80%ae",
  "%u002e%u002e",
  "%",
  "%2",
  "%zz",
  "%ff%fe",
  "%e2%84%aa",
  // Other targets within the target.
  "http://127.0.0.1:1/v2/a",
  "*",
  "#",
  "a#/manifests/1",
  "a?b",
  "a;b",
  "a@b",
  "a$(id)",
  "`id`",
  "'or'1'='1",
  '"',
  "<script>",
  "{{7*7}}",
  // Digests.
  "sha256:",
  "sha256:..",
  "sha256:../../x",
  "sha256:%2e%2e%2f%2e%2e",
  `SHA256:${hex}`,
  `sha256:${hex.slice(1)}`,
  `sha256:${hex}0`,
  `sha256:${hex.toUpperCase()}`,
  `sha256:${hex.slice(0, 62)}..`,
  `sha256:${hex.slice(0, 60)}/../`,
  `sha512:${hex}`,
  `sha512:${hex}${hex}0`,
  `md5:${hex.slice(0, 32)}`,
  `sha256+b64:${hex}`,
  `sha256-${hex}`,
  `:${hex}`,
  "sha256:sha256:",
  // Names that mean something to somebody.
  "__proto__",
  "constructor",
  "hasOwnProperty",
  "toString",
  "con",
  "nul",
  "lpt1",
  "aux.txt",
  "catalog.db",
  "ingest",
  "control.sock",
  "-rf",
  "A",
  "a_",
  "a..b",
  // Too much.
  "a".repeat(256),
  "a".repeat(8000),
  "a/".repeat(300),
  "%2e".repeat(2000),
  "a-".repeat(3000),
  "a__".repeat(2000),
];

/** Every place of a target that a client fills. */
const places: readonly ((attack: string) => string)[] = [
  (attack) => `/${attack}`,
  (attack) => `/v2/${attack}`,
  (attack) => `/v2/${attack}/blobs/${digest}`,
  (attack) => `/v2/${attack}/manifests/latest`,
  (attack) => `/v2/${attack}/tags/list`,
  (attack) => `/v2/${attack}/referrers/${digest}`,
  (attack) => `/v2/good/${attack}/manifests/latest`,
  (attack) => `/v2/good/app/blobs/${attack}`,
  (attack) => `/v2/good/app/manifests/${attack}`,
  (attack) => `/v2/good/app/referrers/${attack}`,
  (attack) => `/v2/good/app/tags/${attack}`,
  (attack) => `/v2/good/app/${attack}/${digest}`,
  (attack) => `/${attack}/v2/good/app/manifests/latest`,
  (attack) => `/v2/faults.test/${attack}/manifests/latest`,
  (attack) => `/v2/good/app/manifests/latest?ns=${attack}.`,
  (attack) => `/v2/good/app/tags/list?n=${attack}&last=${attack}`,
  (attack) => `/v2/good/app/manifests/latest?digest=${attack}`,
];

// Distribution spec 1.1: the grammar of names, tags and digests; and of what a page begins behind, which is encoded.
const name = "[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\\.|__?|-+)[a-z0-9]+)*)*";
const canonical = new RegExp(
  `^/v2/${name}/(?:blobs/sha256:[0-9a-f]{64}|manifests/(?:sha256:[0-9a-f]{64}|\\w[\\w.-]{0,127})|referrers/sha256:[0-9a-f]{64}|tags/list(?:\\?n=[\\w.*%+-]*&last=[\\w.*%+-]*)?)$`,
);

// The allocator asks there how the kernel gives memory, when the heap of a thread shrinks for the first time.
const ofAllocator = "/proc/sys/vm/overcommit_memory";

test("a name, tag or digest that is an attack leads nowhere out of the store, nor upstream but to a canonical path", async (t) => {
  if (!(haveAll(t, "strace") && haveRoot(t))) return;
  await using scene = await FaultProcessScene.start();
  const { sluice, upstream } = scene;
  const content = upstream.blob("is there", 1000);
  await scene.pullWhole("good", content);
  await using calls = await TracedCalls.attach(sluice.pid, "open,openat,openat2,creat", null);

  for (const attack of attacks) {
    const targets = places.map((place) => place(attack));
    const answers = await Promise.all(targets.map((one) => rawRequest(sluice.url, "GET", one)));
    for (const [at, answer] of answers.entries()) assertRefused(answer, targets[at] ?? "");
    assertAdminRefused(await rawRequest(sluice.adminUrl, "GET", `/api/v1/${attack}`), attack);
  }

  // Something that is opened, so that its absence means something.
  await scene.pullWhole("good", content);
  const opened = (await calls.detach()).map((line) => /"([^"]*)"/.exec(line)?.[1] ?? line);
  assert.ok(opened.some((path) => path.startsWith(`${scene.directory}/blobs/`)));
  const within = new RegExp(`^${scene.directory}(?:/(?!\\.\\./)[^/]+)*$`);
  assert.deepEqual(
    opened.filter((path) => path !== ofAllocator && !within.test(path)),
    [],
  );
  for (const { target } of upstream.requests) assert.match(target, canonical);
  await scene.assertSound();
});

/** 400, 404 or, of what is too long, 414 in the spec's words, and no part of the attack in the answer's header. */
function assertRefused({ status, headers, body, complete }: RawAnswer, target: string): void {
  const what = `${status} for ${target.slice(0, 100)}`;
  // To a right name of nothing the answer is that nothing refers to it: distribution spec 1.1, "Listing Referrers".
  if (status === 200 && target.includes("/referrers/")) {
    assert.deepEqual(JSON.parse(body.toString()).manifests, [], what);
    return;
  }
  assert.ok(status === 400 || status === 404 || (status === 414 && target.length > 8_192), what);
  assert.equal(complete, true, what);
  assert.equal(headers["location"], undefined, what);
  assert.equal(headers["x-injected"], undefined, what);
  assert.equal(headers["content-type"], "application/json", what);
  assert.match(JSON.parse(body.toString()).errors[0].code, /^[A-Z_]+$/, what);
  assert.ok(body.length < 2000, what);
}

/** The admin API reads a target as a URL, in which dots are resolved: some attacks are its front page. */
function assertAdminRefused({ status, headers, body }: RawAnswer, attack: string): void {
  const isFrontPage = status === 200 && body.toString().startsWith("sluice\n");
  assert.ok(isFrontPage || status === 400 || status === 404, `${status} for ${attack}`);
  assert.equal(headers["location"], undefined, attack);
}
