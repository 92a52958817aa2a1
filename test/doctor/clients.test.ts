import assert from "node:assert/strict";
import { test } from "node:test";
import { checkClients } from "../../src/doctor/clients-check.ts";
import { collected } from "../../src/doctor/collected.ts";
import { type Finding, ok } from "../../src/doctor/finding.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { configWith } from "./examined.ts";

test("a listener that does not know an upstream is found out by each way in which clients name it", async () => {
  // Of another configuration than the one it is examined by: what stands before it, or an old daemon.
  await using listener = await FakeUpstream.start();
  listener.override("/v2/", (_, response) => void response.end());
  const { hostname: host, port } = new URL(listener.url);
  const config = await configWith({ upstreams: { "x.io": { endpoints: ["http://127.0.0.1:1"] } } });

  const found = await collected(
    "clients",
    5_000,
    checkClients({ config, listening: { host, port: Number(port) }, stepLimitMs: 5_000 }),
  );

  assert.deepEqual(
    found.filter(({ verdict }) => verdict === "fail").map((one) => one.found),
    [
      "asked by an unknown ?ns=doctor.invalid, the listener answers: status 200 in place of 404",
      "asked by a path before /v2 (/x.io/v2/), the listener answers: status 404 in place of 200",
      "asked by podman and BuildKit (/v2/x.io/…), the listener answers: status 404 in place of 400",
    ],
  );
});

test("a check that breaks or does not end is a finding beside what it found before", async () => {
  const never = new Promise<never>(() => {});
  async function* breaking(): AsyncGenerator<Finding> {
    yield ok("a", "was looked at");
    throw new Error("no such thing");
  }
  async function* hanging(): AsyncGenerator<Finding> {
    yield await never;
  }

  assert.deepEqual(
    [...(await collected("a", 1_000, breaking())), ...(await collected("b", 1, hanging()))].map(
      ({ found }) => found,
    ),
    [
      "was looked at",
      "cannot be examined: no such thing",
      "was not examined to the end in 0.001 s",
    ],
  );
});
