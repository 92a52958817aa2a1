import assert from "node:assert/strict";
import { connect } from "node:net";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import { ask } from "../support/ask.ts";
import { manifestOfBytes } from "../support/fault-manifest.ts";
import { FaultProcessScene } from "../support/fault-process-scene.ts";
import { FaultScene } from "../support/fault-scene.ts";

/** A line of the log as the daemon would write it. */
const forged = '{"level":"info","msg":"request served"}';

/** What HTTP lets through in a target, byte for byte. */
const targets: readonly string[] = [
  `/v2/${encodeURIComponent(`\r\n${forged}\r\n`)}/tags/list`,
  "/v2/a%00%0a%1b[31m/tags/list",
  "/v2/%e2%80%a8%e2%80%a9%e2%80%ae/tags/list",
  '/v2/"},{"/tags/list',
  `/v2/${"a".repeat(7_000)}/tags/list`,
  "/v2/__proto__/manifests/constructor",
];

const headers: readonly string[] = [
  `User-Agent: ${forged}`,
  `User-Agent: ${"x".repeat(8_000)}`,
  "Referer: http://CANARYU:CANARYP@a.example/?sig=CANARYS",
  "Authorization: Basic Q0FOQVJZVTpDQU5BUllQ",
  "X-Forwarded-For: \u009b31m, 127.0.0.1",
];

test("whatever requests hold, each is one line of JSON, and none of what is in their headers", async () => {
  await using scene = await FaultProcessScene.start();
  const { port } = new URL(scene.sluice.url);
  let count = 0;
  for (const target of targets) {
    for (const header of headers) {
      const request = `GET ${target} HTTP/1.1\r\nHost: a\r\nConnection: close\r\n${header}\r\n\r\n`;
      assert.match(await answerTo(Number(port), request), /^HTTP\/1\.1 [24]/, target);
      count++;
    }
  }

  const lines = await requestLines(scene);
  assert.equal(lines.length, count);
  for (const line of lines) {
    const what = JSON.stringify(line);
    assert.ok(what.length < 2_000, what);
    assert.doesNotMatch(what, /[^ -~\u00a0-\u00ff]|CANARY[UP]|Q0FOQVJZ|xxxxx/, what);
  }
});

test("whatever an upstream says of a failure, it is one line of JSON in the log", async () => {
  await using scene = await FaultProcessScene.start();
  const words = [
    "\r\n",
    "\u001b[31m",
    "\u009b31m",
    "\u2028",
    "\u202e",
    "\u0000",
    "x".repeat(60_000),
  ];
  for (const [at, odd] of words.entries()) {
    const message = `a${odd}b`;
    const { digest } = manifestOfBytes(message);
    scene.upstream.answer(`/v2/good/app${at}/manifests/${digest}`, async (wire) => {
      const body = JSON.stringify({ errors: [{ code: "DENIED", message }] });
      await wire.whole("403 \u009b31mNo", { "content-type": "application/json" }, body);
    });
    const { status } = await ask(`${scene.sluice.url}/v2/good/app${at}/manifests/${digest}`);
    assert.equal(status, 403);
  }

  const lines = await requestLines(scene);
  assert.equal(lines.length, words.length);
  for (const line of lines) assert.ok(JSON.stringify(line).length < 2_000);
});

test("a hundred made-up names make no more metrics than one", async () => {
  await using scene = await FaultScene.start();
  const askFor = async (name: string): Promise<void> => {
    for (const kind of ["manifests/latest", "tags/list", "nonsense"]) {
      await scene.mirror.get(`/v2/good/${name}/${kind}`);
    }
  };
  await askFor("first");
  const before = await seriesOf(scene);
  for (let at = 0; at < 100; at++) await askFor(`app${at}`);

  const after = await seriesOf(scene);
  assert.deepEqual(after, before);
  assert.ok(after.length < 2_000, `${after.length}`);
});

/** All that the daemon has logged of requests when it has ended; fails where its output has anything but lines of JSON. */
async function requestLines(scene: FaultProcessScene): Promise<Record<string, unknown>[]> {
  scene.sluice.kill("SIGTERM");
  await scene.sluice.exit();
  const lines = scene.sluice.log;
  const raw = scene.sluice.stdout;
  assert.doesNotMatch(raw, /[^\P{C}\n]|[\p{Zl}\p{Zp}]/u);
  // The scene itself asks whether it is ready, and for a blob.
  return lines.filter(({ target }) => typeof target === "string" && !/readyz|blobs/.test(target));
}

async function answerTo(port: number, request: string): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  // To end it would be to leave.
  socket.write(request, "latin1");
  return await text(socket);
}

async function seriesOf(scene: FaultScene): Promise<string[]> {
  const { body } = await scene.mirror.admin("/metrics");
  const lines = body
    .toString()
    .split("\n")
    .filter((line) => line.startsWith("sluice_"));
  return lines.map((line) => line.slice(0, line.lastIndexOf(" "))).sort();
}
