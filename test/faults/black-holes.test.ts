import assert from "node:assert/strict";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import { runInOwnNetwork } from "../support/own-network.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import type { Findings } from "./programs/fall-into-black-holes.ts";

const program = fileURLToPath(new URL("programs/fall-into-black-holes.ts", import.meta.url));

test("an endpoint whose packets are lost is left alone, and what another one has is had from there", async (t) => {
  if (!(haveAll(t, "ip", "iptables", "unshare") && haveRoot(t))) return;
  const { alone, tries, beside, middle } = JSON.parse(
    await runInOwnNetwork(program, [], {}),
  ) as Findings;

  // Two wait for a connection; then it is known to be down, and no packet is sent.
  assert.deepEqual(alone, [504, 504, 503, 200]);
  assert.equal(tries, 0);
  // The first pull waits for the first endpoint; the next ones do not.
  assert.deepEqual(
    beside.map(({ status }) => status),
    [200, 200, 200],
  );
  assert.ok((beside[0]?.tries ?? 0) > 0);
  assert.deepEqual(
    beside.slice(1).map((one) => one.tries),
    [0, 0],
  );
  assert.equal(middle.complete, true);
  assert.equal(middle.starts.length, 1);
  assert.match(middle.starts[0] ?? "", /^bytes=\d+-$/);
});
