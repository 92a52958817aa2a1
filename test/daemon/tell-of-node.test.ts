import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { tellOfNode } from "../../src/wiring/tell-of-node.ts";
import { SluiceProcess } from "../support/sluice-process.ts";

test("the log tells once of a Node with known holes, with what to do", () => {
  const [line, ...others] = told("24.21.0");

  assert.deepEqual(others, []);
  assert.equal(line?.["level"], 40);
  assert.match(String(line?.["msg"]), /serves all the same, but Node 24\.21\.0 has known holes/);
  assert.match(String(line?.["remedy"]), /Node 24\.22\.1 or newer/);
});

test("the log says nothing of a Node without known holes", () => {
  assert.deepEqual(["24.22.1", "26.12.1", "27.0.0"].flatMap(told), []);
});

test("the daemon's log tells of the holes of the Node that it runs on", async () => {
  const nobody = { "docker.io": { endpoints: ["http://127.0.0.1:9"], default: true } };
  await using sluice = await SluiceProcess.start({ upstreams: nobody });
  sluice.kill("SIGTERM");
  await sluice.exit();

  const remedies = sluice.log.filter(({ remedy }) => remedy !== undefined);
  const ownWords = told(process.versions.node).map(({ msg }) => msg);
  assert.deepEqual(
    remedies.map(({ msg }) => msg),
    ownWords,
  );
});

function told(version: string): Record<string, unknown>[] {
  const lines: Record<string, unknown>[] = [];
  const log = pino({ base: null }, { write: (line: string) => void lines.push(JSON.parse(line)) });
  tellOfNode(version, log);
  return lines;
}
