import assert from "node:assert/strict";
import { test } from "node:test";
import { described } from "../../src/cli/described.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { configJsonSchema } from "../../src/config/schema/json-schema.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { problemLines } from "../config/reading.ts";
import { refusedIn } from "../support/described-call.ts";
import { blocksIn, brokenLinks, callsOf, codeIn, documents } from "../support/documents.ts";

const program = described(buildProgram());

for (const document of documents) {
  test(`every call of sluice in ${document} is one that it takes`, async () => {
    const code = await codeIn(document);
    const calls = code.flatMap(callsOf);

    assert.ok(code.length > 20, document);
    assert.deepEqual(
      calls.flatMap((call) => refusedIn(program, call).map((what) => `${call.join(" ")}: ${what}`)),
      [],
    );
  });

  test(`every metric and key of the configuration that ${document} names is there`, async () => {
    const code = await codeIn(document);
    const metrics = new Set(new Metrics("0").registry.getMetricsAsArray().map(({ name }) => name));
    const named = code.flatMap((piece) => piece.match(/sluice_\w+/g) ?? []);
    const keys = code.filter((piece) =>
      /^(server|admin|storage|eviction|freshness|upstreams|log)\.[\w.]+$/.test(piece),
    );

    assert.deepEqual(
      named.filter((name) => !metrics.has(name)),
      [],
    );
    assert.deepEqual(
      keys.filter((key) => !isKey(key.split("."))),
      [],
    );
  });
}

test("every configuration that a document shows is one that the mirror takes", async () => {
  const environment = { GITHUB_TOKEN: "token" };
  const shown = await Promise.all(
    documents.map(async (document) =>
      (await blocksIn(document, "yaml")).map((text) => ({ document, text })),
    ),
  );
  // What k3s reads is no configuration of ours.
  const ours = shown.flat().filter(({ text }) => !text.startsWith("mirrors:"));

  assert.ok(ours.length > 10, `${ours.length}`);
  for (const { document, text } of ours) {
    const problems = await problemLines(text, environment);
    // Certificates and passwords are the reader's.
    assert.deepEqual(
      problems.filter((line) => !line.endsWith("does not exist")),
      [],
      `${document}:\n${text}`,
    );
  }
});

test("every link between documents leads to something", async () => {
  for (const document of [
    ...documents,
    "ARCHITECTURE.md",
    "CONTRIBUTING.md",
    "SECURITY.md",
    "bench/EVICTION.md",
    "bench/NOTES.md",
    "bench/RESULTS.md",
  ]) {
    assert.deepEqual(await brokenLinks(document), [], document);
  }
});

test("calls of sluice are found where documents write them, and what is wrong with one is seen", () => {
  assert.deepEqual(callsOf("$ bin/sluice evict --dry-run --to 40%"), [
    ["evict", "--dry-run", "--to", "40%"],
  ]);
  assert.deepEqual(callsOf("docker exec sluice sluice stats --json | jq ."), [["stats", "--json"]]);
  assert.deepEqual(callsOf("docker run --name sluice --detach sluice"), []);
  assert.deepEqual(callsOf("sluice config check && systemctl reload sluice"), [
    ["config", "check"],
  ]);

  assert.deepEqual(
    refusedIn(program, ["client-config", "containerd", "--upstream", "a", "b", "--json"]),
    [],
  );
  assert.deepEqual(refusedIn(program, ["client-config", "dockr"]), ["no command dockr"]);
  assert.deepEqual(refusedIn(program, ["stats", "--dry-run"]), ["no option --dry-run"]);
  assert.deepEqual(refusedIn(program, ["stats", "now"]), ["no argument now"]);
  assert.ok(
    isKey(["upstreams", "NAME", "timeouts", "connect"]) && !isKey(["upstreams", "NAME", "timeout"]),
  );
});

/** Whether the configuration has such a key; a name that users give is NAME or HOST. */
function isKey(path: readonly string[], schema: unknown = configJsonSchema()): boolean {
  const [key, ...rest] = path;
  if (key === undefined) return true;
  const { properties, additionalProperties } = schema as Record<string, Record<string, unknown>>;
  const below =
    properties?.[key] ??
    (typeof additionalProperties === "object" ? additionalProperties : undefined);
  return below !== undefined && isKey(rest, below);
}
