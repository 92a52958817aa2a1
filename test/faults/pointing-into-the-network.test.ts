import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { fileURLToPath } from "node:url";
import { runInOwnNetwork } from "../support/own-network.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import type { Findings, Pointing } from "./programs/point-a-mirror.ts";

const program = fileURLToPath(new URL("programs/point-a-mirror.ts", import.meta.url));

// Of a documentation network, which no list of special addresses has: public as far as a mirror can tell.
const registryAddress = "203.0.113.5";
const elsewhere = "203.0.113.6";
// Without an IPv6 address of its own a machine asks for none.
const others = ["10.0.0.1", "192.168.0.1", "169.254.169.254", "2001:db8::5"];

/** Places that a public registry must not send anybody to. */
const forbidden: readonly string[] = [
  "http://127.0.0.1:PORT/",
  "http://127.1:PORT/",
  "http://0:PORT/",
  "http://0.0.0.0:PORT/",
  "http://2130706433:PORT/",
  "http://0x7f000001:PORT/",
  "http://0177.0.0.1:PORT/",
  "http://0x7f.1:PORT/",
  "http://[::1]:PORT/",
  "http://[::]:PORT/",
  "http://[::ffff:127.0.0.1]:PORT/",
  "http://localhost:PORT/",
  "http://localhost.:PORT/",
  "http://a.localhost:PORT/",
  "http://%31%32%37.0.0.1:PORT/",
  "http://%EF%BC%91%EF%BC%92%EF%BC%97.0.0.1:PORT/",
  "http://127%E3%80%820%E3%80%820%E3%80%821:PORT/",
  "http://169.254.169.254:PORT/latest/meta-data/",
  "http://0xa9fea9fe:PORT/",
  "http://10.0.0.1:PORT/",
  "http://167772161:PORT/",
  "http://012.0.0.1:PORT/",
  "http://192.168.0.1:PORT/",
  "http://[::ffff:10.0.0.1]:PORT/",
  "http://[64:ff9b::a00:1]:PORT/",
  "http://private.test:PORT/",
  "http://loopback.test:PORT/",
  "http://loopback.test.:PORT/",
  "http://metadata.test:PORT/",
  "http://mixed.test:PORT/",
  "http://mixed-six.test:PORT/",
  "http://six.test:PORT/",
  "http://mapped.test:PORT/",
];

/** Places that are none, whatever is there. */
const senseless: readonly string[] = [
  "http://user@127.0.0.1:PORT/",
  "http://nowhere.test:PORT/",
  "gopher://127.0.0.1:PORT/_GET",
  "file:///etc/passwd",
  "ftp://127.0.0.1:PORT/",
  "http://１２７.0.0.1:PORT/",
  "http://127.0.0.1:PORT\\@203.0.113.6/",
];

const allowed: readonly string[] = ["http://203.0.113.6:PORT/", "http://public.test:PORT/"];

const zone: Pointing["zone"] = {
  "private.test": [["10.0.0.1"]],
  "loopback.test": [["127.0.0.1"]],
  "metadata.test": [["169.254.169.254"]],
  "mixed.test": [[elsewhere, "10.0.0.1"]],
  "mixed-six.test": [[elsewhere, "0000:0000:0000:0000:0000:0000:0000:0001"]],
  "six.test": [["0000:0000:0000:0000:0000:0000:0000:0001"]],
  "mapped.test": [["0000:0000:0000:0000:0000:ffff:7f00:0001"]],
  "public.test": [[elsewhere]],
  // For the guard, and then for the socket if it asked again.
  "rebound.test": [[elsewhere], ["127.0.0.1"]],
};

test("a public upstream sends a mirror to no place within its network, by redirect, realm or link", async (t) => {
  const findings = await pointTo(t, [...forbidden, ...senseless, ...allowed]);
  if (!findings) return;

  for (const { by, location, status, kind } of findings.pointed) {
    const what = `${by} to ${location}: ${status} ${kind}`;
    if (by === "link") assert.equal(status, 200, what);
    else if (forbidden.includes(location))
      assert.equal(`${status} ${kind}`, "502 forbidden-hop", what);
    // After several of these the registry is left alone for a while.
    else if (senseless.includes(location)) assert.ok([502, 503].includes(status), what);
    else if (by === "redirect") assert.equal(status, 200, what);
  }
  assert.deepEqual(
    [...findings.connected].sort(),
    [findings.registry, `${elsewhere}:${findings.port}`].sort(),
  );
});

test("a name that means a place within the network a moment later leads nowhere else: it is looked up once for a connection", async (t) => {
  const rebound = "http://rebound.test:PORT/";
  const findings = await pointTo(t, [rebound]);
  if (!findings) return;

  const outcomes = findings.pointed.map(({ by, status, kind }) => `${by} ${status} ${kind}`);
  assert.deepEqual(outcomes, ["redirect 200 null", "realm 502 forbidden-hop", "link 200 null"]);
  assert.deepEqual(findings.lookedUp, ["rebound.test", "rebound.test"]);
  assert.deepEqual(
    [...findings.connected].sort(),
    [findings.registry, `${elsewhere}:${findings.port}`].sort(),
  );
});

const asked: Pointing["asked"] = [
  ["/v2/good/app/manifests/1?ns=unknown.test", null],
  ["/v2/good/app/manifests/1?ns=private.test", null],
  ["/v2/good/app/manifests/1?ns=127.0.0.1:22", null],
  ["/v2/good/app/manifests/1?ns=%5B::1%5D:22", null],
  ["/v2/good/app/manifests/1?ns=http://127.0.0.1:22/", null],
  ["/v2/good/app/manifests/1?ns=203.0.113.6", null],
  ["/private.test/v2/good/app/manifests/1", null],
  ["/127.0.0.1:22/v2/good/app/manifests/1", null],
  ["/v2/private.test/app/manifests/1", null],
  ["/v2/127.0.0.1:22/app/manifests/1", null],
  // A Host that is no upstream's is the mirror's own; the default upstream has no such tag.
  ["/v2/good/app/manifests/1", "private.test"],
  ["/v2/good/app/manifests/1", "127.0.0.1:22"],
];

test("what a client names and the configuration does not is looked up nowhere and connected to never", async (t) => {
  const findings = await pointTo(t, [], asked);
  if (!findings) return;

  for (const [target, status] of findings.asked) assert.equal(status, 404, target);
  assert.deepEqual(findings.lookedUp, []);
  assert.deepEqual(findings.connected, [findings.registry]);
});

/** null where this cannot run. */
async function pointTo(
  t: TestContext,
  locations: readonly string[],
  targets: Pointing["asked"] = [],
): Promise<Findings | null> {
  if (!(haveAll(t, "ip", "strace", "unshare") && haveRoot(t))) return null;
  const pointing: Pointing = { registryAddress, zone, locations, asked: targets };
  const addresses = [registryAddress, elsewhere, ...others];
  return JSON.parse(await runInOwnNetwork(program, addresses, pointing)) as Findings;
}
