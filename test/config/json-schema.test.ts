// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration file.
import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import { parse } from "yaml";
import {
  configJsonSchema,
  type JsonSchema,
  knownKeys,
} from "../../src/config/schema/json-schema.ts";
import { conforms } from "./conforms.ts";
import { problemLines } from "./reading.ts";

/** Every key's schema below a table's, by its path. */
function keysBelow(schema: JsonSchema, path = ""): [string, JsonSchema][] {
  const { properties = {}, additionalProperties } = schema;
  const rows = typeof additionalProperties === "object" ? { NAME: additionalProperties } : {};
  const listed = schema.items?.properties ? { 0: schema.items } : {};
  return Object.entries({ ...properties, ...rows, ...listed }).flatMap(([key, below]) => [
    [`${path}${key}`, below],
    ...keysBelow(below, `${path}${key}.`),
  ]);
}

test("the JSON Schema says what it is, and takes no keys that there are not", () => {
  const schema = configJsonSchema();
  assert.equal(schema["$schema"], "https://json-schema.org/draft/2020-12/schema");
  assert.equal(schema["title"], "sluice");
  assert.equal(schema.additionalProperties, false);
});

test("every key has a description, and examples that conform to it", () => {
  const keys = keysBelow(configJsonSchema());
  assert.ok(keys.some(([path]) => path === "upstreams.NAME.timeouts.bodyIdle"));
  for (const [path, schema] of keys) {
    assert.match(String(schema["description"]), /^[A-Z].*\.$/, path);
    const examples = schema["examples"];
    assert.ok(Array.isArray(examples) && examples.length > 0, path);
    for (const example of examples) assert.ok(conforms(schema, example), `${path}: ${example}`);
    if ("default" in schema) assert.ok(conforms(schema, schema["default"]), path);
  }
});

test("the JSON Schema tells which keys there are at a path", () => {
  const schema = configJsonSchema();
  assert.deepEqual(knownKeys(schema, ["storage"]), ["directory", "maxSize", "minFree", "scrub"]);
  assert.deepEqual(knownKeys(schema, ["upstreams", "ghcr.io", "timeouts"]), [
    "connect",
    "headers",
    "answer",
    "bodyIdle",
  ]);
  assert.deepEqual(knownKeys(schema, ["log", "level"]), []);
  assert.ok(knownKeys(schema, ["freshness", "rules", 3]).includes("immutable"));
});

test("the JSON Schema takes what the checks take, and refuses what they refuse", async () => {
  const upstream = (keys: string): string =>
    `upstreams: { x.example: { endpoints: [https://x.example], ${keys} } }`;
  const right = [
    "{}",
    "server: {}",
    "server: { listen: ':5000' }",
    "server: { listen: '[::1]:5000' }",
    "server: { maxConnections: 1, maxConnectionsPerAddress: 1000000 }",
    "admin: { hosts: [admin.example.com], metricsListen: ':5002' }",
    "storage: { maxSize: 80%, minFree: 1.5 GiB }",
    "freshness: { ttl: 7d }",
    "freshness: { rules: [{ match: '*', ttl: 7d }, { match: 'a.example/*', deny: no }] }",
    "freshness: { rules: [{ match: 'a.example/*', store: false }, { match: '*', immutable: true }] }",
    "log: { level: silent }",
    upstream("http2: true, default: false"),
    upstream("proxy: direct"),
    upstream("proxy: http://proxy.internal:3128"),
    upstream("aliases: [y.example, 'y:5000'], hosts: [y]"),
    upstream("timeouts: { connect: 1s, headers: 2s, bodyIdle: 3s }"),
    upstream("realms: [auth.example, 'auth.example:8443'], access: public"),
  ];
  const wrong = [
    "[]",
    "tls: {}",
    "server:",
    "server: { listen: 5000 }",
    "server: { listen: localhost }",
    "server: { listn: ':5000' }",
    "server: { maxConnections: 0 }",
    "server: { maxConnections: 1.5 }",
    "server: { maxConnections: many }",
    "storage: { maxSize: 50 }",
    "storage: { maxSize: 50G }",
    "storage: { directory: '' }",
    "storage: { scrub: often }",
    "freshness: { ttl: 5 parsecs }",
    "freshness: { rules: { match: '*' } }",
    "freshness: { rules: [{ ttl: 1m }] }",
    "freshness: { rules: [{ match: '*', ttl: 1 }] }",
    "freshness: { rules: [{ match: '*', tl: 1m }] }",
    "freshness: { rules: [{ match: '*', store: no }] }",
    "freshness: { rules: [{ match: '*', deny: '' }] }",
    "log: { level: loud }",
    "upstreams: {}",
    "upstreams: { x.example: {} }",
    "upstreams: { x.example: { endpoints: [] } }",
    "upstreams: { x.example: { endpoints: [ftp://x.example] } }",
    "upstreams: { example: { endpoints: [https://x.example] } }",
    "upstreams: { X.example: { endpoints: [https://x.example] } }",
    upstream("http2: yes"),
    upstream("proxy: none"),
    upstream("proxy: 5"),
    upstream("aliases: [y]"),
    upstream("hosts: y.example"),
    upstream("timeouts: { conect: 1s }"),
    upstream("credentials: me"),
    upstream("credentials: []"),
    upstream("credentials: [me]"),
    upstream("credentials: [{}]"),
    upstream("credentials: {}"),
    upstream("credentials: { username: me }"),
    upstream("credentials: { username: me, password: hunter2 }"),
    upstream("credentials: { username: me, passwordFil: /run/secrets/hub }"),
    upstream("realms: [https://auth.example]"),
    upstream("access: private"),
  ];
  const schema = configJsonSchema();
  for (const document of right) {
    assert.deepEqual(await problemLines(document), [], document);
    assert.ok(conforms(schema, parse(document)), document);
  }
  for (const document of wrong) {
    assert.notEqual((await problemLines(document)).length, 0, document);
    assert.ok(!conforms(schema, parse(document)), document);
  }
});

test("editors do not complain of variables, nor of the file in the checkout", async () => {
  const schema = configJsonSchema();
  const document = {
    server: { listen: "${LISTEN}" },
    storage: { maxSize: "${SIZE:-50GiB}" },
    log: { level: "${LEVEL:-info}" },
    upstreams: {
      "x.example": {
        endpoints: ["${X}"],
        proxy: "${PROXY}",
        aliases: ["${Y}"],
        credentials: { username: "${USER}", password: "${PASSWORD}" },
        access: "${ACCESS:-public}",
      },
    },
  };
  assert.ok(conforms(schema, document));
  const several = {
    endpoints: ["https://y.example"],
    credentials: [{ username: "me", password: "${PASSWORD}" }, { anonymous: true }],
  };
  assert.ok(conforms(schema, { upstreams: { "y.example": several } }));
  const file = await readFile(new URL("../../mirror.config.yaml", import.meta.url), "utf8");
  assert.ok(conforms(schema, parse(file)));
});
