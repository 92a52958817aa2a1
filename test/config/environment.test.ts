// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { substitute } from "../../src/config/yaml/environment.ts";
import { problemLines, read, yaml } from "./reading.ts";

test("variables of the environment are put in, with a fallback where there is one", () => {
  const environment = { HOST: "hub", PORT: "80", EMPTY: "", NESTED: "${HOST}" };
  const table: [string, string][] = [
    ["plain", "plain"],
    ["${HOST}", "hub"],
    ["http://${HOST}:${PORT}/", "http://hub:80/"],
    ["${HOST:-other}", "hub"],
    ["${NONE:-other}", "other"],
    ["${EMPTY}", ""],
    ["${EMPTY:-other}", "other"],
    ["${NONE:-}", ""],
    ["${NONE:-a:-b}", "a:-b"],
    ["${NESTED}", "${HOST}"],
    ["$${HOST}", "${HOST}"],
    ["pa$$word$", "pa$$word$"],
    ["$HOST", "$HOST"],
  ];
  for (const [text, expected] of table) {
    assert.deepEqual(substitute(text, environment), { kind: "text", text: expected }, text);
  }
});

test("a variable that is not set, or badly written, is a problem and no empty text", () => {
  const malformed =
    '"${" begins no variable; write ${NAME} or ${NAME:-fallback}, or $${ for a plain ${';
  const table: [string, string][] = [
    ["${NONE}", "the environment variable NONE is not set; set it, or write ${NONE:-fallback}"],
    ["${}", malformed],
    ["${NONE", malformed],
    ["${1ST}", malformed],
    ["${A-b}", malformed],
  ];
  for (const [text, message] of table) {
    assert.deepEqual(substitute(text, {}), { kind: "problem", message }, text);
  }
});

test("fallbacks that never end, or nest, are gone through once", () => {
  // To search each for its end would take 10^11 steps, which is minutes; to go through it once takes milliseconds.
  const begun = "${A:-".repeat(200_000);
  const [unended, ended, between] = [begun, `${begun}}`, `${"${A:-}".repeat(100_000)}${begun}`].map(
    (text) => substitute(text, {}),
  );
  assert.equal(unended?.kind, "problem");
  assert.deepEqual(ended, { kind: "text", text: begun.slice("${A:-".length) });
  assert.equal(between?.kind, "problem");
});

test("a password that lacks its variable is a problem that does not advise a fallback, which would be refused", async () => {
  const lines = await problemLines(yaml`
    upstreams:
      docker.io:
        endpoints: [https://registry-1.docker.io]
        credentials: { username: me, password: "\${HUB}" }
  `);
  assert.deepEqual(lines, [
    "mirror.config.yaml:4:44 upstreams.docker.io.credentials.password: the environment variable HUB is not set; set it",
  ]);
});

test("a variable cannot bring YAML with it", async () => {
  const { storage, upstreams } = await read(
    yaml`
      storage:
        directory: \${DIRECTORY}
    `,
    { DIRECTORY: "/x\nupstreams: {}\n# [" },
  );
  assert.equal(storage.directory, "/x\nupstreams: {}\n# [");
  assert.equal(upstreams.length, 3);
});

test("quoted text and block text are substituted, keys are not", async () => {
  const config = await read(
    yaml`
      freshness: { ttl: '\${TTL}' }
      storage:
        directory: >-
          /srv/\${NAME}
    `,
    { TTL: "3m", NAME: "lab" },
  );
  assert.equal(config.freshness.ttlMs, 180_000);
  assert.equal(config.storage.directory, "/srv/lab");
  assert.deepEqual(await problemLines("${NAME}: {}\n", { NAME: "log" }), [
    "mirror.config.yaml:1:1 ${NAME}: unknown key; known here: server, admin, storage, eviction, freshness, upstreams, log",
  ]);
});

test("text that lacks its variable has that one problem, at its place", async () => {
  const lines = await problemLines(yaml`
    freshness:
      ttl: "\${TTL}"
    log:
      level: loud
  `);
  assert.deepEqual(lines, [
    "mirror.config.yaml:2:8 freshness.ttl: the environment variable TTL is not set; set it, or write ${TTL:-fallback}",
    'mirror.config.yaml:4:10 log.level: "loud" is not one of trace, debug, info, warn, error, fatal, silent; write for example debug',
  ]);
});
