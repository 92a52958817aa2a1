// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration file.
import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { CredentialsConfig, UpstreamConfig } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import type { Environment } from "../../src/config/yaml/environment.ts";

const files: Readonly<Record<string, string>> = {
  password: "s3cret\n",
  empty: "\r\n\n",
  "config.json": '{"auths":{"ghcr.io":{"auth":"bWU6czNjcmV0"}}}',
  "empty.json": "{}",
  "null.json": '{"auths":null,"credHelpers":null,"credsStore":null}',
  "broken.json": '{"auths":{"s3cret',
  "list.json": "[]",
  "odd.json": '{"auths":{"ghcr.io":{"auth":["s3cret"]}}}',
};

/** What an upstream is with these further keys, or the problems there are, in a directory with `files`. */
async function upstreamWith(
  keys: string,
  environment: Environment = {},
): Promise<UpstreamConfig | string[]> {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-credentials-"));
  const { path } = directory;
  for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
  const text = `upstreams:\n  x.example:\n    endpoints: [https://x.example]\n    ${keys}\n`;
  try {
    const { upstreams } = await parseConfig({ text, file: "f", directory: path }, environment);
    const [upstream] = upstreams;
    assert.ok(upstream);
    return JSON.parse(JSON.stringify(upstream).replaceAll(path, "DIR"));
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message
      .replaceAll(path, "DIR")
      .split("\n")
      .map((line) => line.replace("upstreams.x.example.", ""));
  }
}

async function assertProblems(keys: string, ...problems: string[]): Promise<void> {
  assert.deepEqual(
    await upstreamWith(keys),
    problems.map((problem) => `f:4:${problem}`),
    keys,
  );
}

const forListExample =
  "write for example [{username: me, passwordFile: /run/secrets/hub}, {anonymous: true}]";
const forExample = "write for example {username: me, passwordFile: /run/secrets/hub}";

test("credentials are read in each of their ways, and make access public", async () => {
  const ways: readonly (readonly [keys: string, expected: CredentialsConfig])[] = [
    [
      "{ username: me, passwordFile: password }",
      { kind: "password-file", username: "me", file: "DIR/password" },
    ],
    [
      '{ username: me, password: "${HUB_PASSWORD}" }',
      { kind: "password", username: "me", password: "s3cret" },
    ],
    [
      "{ username: $oauthtoken, password: 'pre-${HUB_PASSWORD}' }",
      { kind: "password", username: "$oauthtoken", password: "pre-s3cret" },
    ],
    ["{ dockerConfig: config.json }", { kind: "docker-config", file: "DIR/config.json" }],
    ["{ dockerConfig: ./empty.json }", { kind: "docker-config", file: "DIR/empty.json" }],
    ["{ dockerConfig: null.json }", { kind: "docker-config", file: "DIR/null.json" }],
  ];
  for (const [keys, expected] of ways) {
    const upstream = await upstreamWith(`credentials: ${keys}`, { HUB_PASSWORD: "s3cret" });
    assert.ok(!Array.isArray(upstream), String(upstream));
    assert.deepEqual(upstream.credentials, [expected]);
    assert.equal(upstream.access, "public");
  }
});

test("several credentials are read in their order, with nobody as the last resort", async () => {
  const keys = `credentials:
      - { username: me, passwordFile: password }
      - { dockerConfig: config.json }
      - { anonymous: true }`;
  const upstream = await upstreamWith(keys);
  assert.ok(!Array.isArray(upstream), String(upstream));
  assert.deepEqual(upstream.credentials, [
    { kind: "password-file", username: "me", file: "DIR/password" },
    { kind: "docker-config", file: "DIR/config.json" },
    { kind: "anonymous" },
  ]);
  assert.equal(upstream.access, "public");
});

test("a mistake within a list of credentials is told with its place", async () => {
  const good = "{ username: me, passwordFile: password }";
  const lists: readonly (readonly [list: string, problem: string])[] = [
    ["[]", `credentials: names none; ${forListExample}`],
    [`[${good}, { username: you }]`, `credentials[1].username: has no password; ${forExample}`],
    [`[${good}, {}]`, `credentials[1]: says nothing; ${forExample}`],
    [
      `[${good}, { username: me, passwordFile: password, dockerConfg: x }]`,
      'credentials[1].dockerConfg: unknown key; did you mean "dockerConfig"?',
    ],
    [
      "[{ anonymous: true }]",
      "credentials[0].anonymous: must stand behind others in a list, for it is the last resort",
    ],
    [
      "{ anonymous: true }",
      "credentials.anonymous: must stand behind others in a list, for it is the last resort",
    ],
    [
      `[${good}, { anonymous: true, username: me }]`,
      "credentials[1].anonymous: is nobody, and username somebody; remove one of them",
    ],
    [
      `[${good}, { username: me, password: hunter2 }]`,
      'credentials[1].password: a password must not stand in this file; write passwordFile: /run/secrets/hub instead, or take it from a variable: password: "${HUB_PASSWORD}"',
    ],
    [`[${good}, me]`, `credentials[1]: text is not a table of keys; ${forExample}`],
  ];
  for (const [list, problem] of lists) {
    const problems = await upstreamWith(`credentials: ${list}`);
    assert.ok(Array.isArray(problems), list);
    assert.deepEqual(
      problems.map((line) => line.replace(/^f:4:\d+ /, "")),
      [problem],
      list,
    );
  }
});

test("anonymous: false says nothing, and is a problem", async () => {
  const list = "[{ username: me, passwordFile: password }, { anonymous: false }]";
  const problems = await upstreamWith(`credentials: ${list}`);
  assert.match(String(problems), /credentials\[1\]\.anonymous: says nothing; leave it out/);
});

test("access without credentials is shared unless it is written otherwise, and shared may be written beside them", async () => {
  const accessOf = async (keys: string): Promise<unknown> => {
    const upstream = await upstreamWith(keys);
    assert.ok(!Array.isArray(upstream), String(upstream));
    return upstream.access;
  };
  assert.equal(await accessOf("access: public"), "public");
  assert.equal(await accessOf("http2: false"), "shared");
  assert.equal(
    await accessOf("credentials: { username: me, passwordFile: password }\n    access: shared"),
    "shared",
  );
});

test("an access that is none is a problem that names those there are", async () => {
  await assertProblems(
    "access: privat",
    '13 access: "privat" is not public, shared or forward; write for example shared',
  );
});

test("credentials of half a way, or of two at once, are a problem that names the key", async () => {
  await assertProblems("credentials: {}", `18 credentials: says nothing; ${forExample}`);
  await assertProblems(
    "credentials: { username: me }",
    `20 credentials.username: has no password; ${forExample}`,
  );
  await assertProblems(
    "credentials: { passwordFile: password }",
    `20 credentials.passwordFile: is nobody's without username; ${forExample}`,
  );
  await assertProblems(
    "credentials: { username: me, passwordFile: password, password: '${HOME:-}' }",
    "58 credentials.password: passwordFile says it already; remove one of them",
    '68 credentials.password: the value is not a password; write for example "${HUB_PASSWORD}"',
  );
  await assertProblems(
    "credentials: { dockerConfig: config.json, username: me }",
    "47 credentials.username: dockerConfig names users and passwords itself; remove username",
  );
  await assertProblems(
    "credentials: { dockerConfig: config.json, passwordFile: password }",
    "47 credentials.passwordFile: dockerConfig names users and passwords itself; remove passwordFile",
  );
});

test("a file of credentials that cannot be used is a problem, and nothing of it is shown", async () => {
  const files: readonly (readonly [keys: string, problem: string])[] = [
    [
      "{ username: me, passwordFile: none }",
      "48 credentials.passwordFile: DIR/none does not exist",
    ],
    [
      "{ username: me, passwordFile: empty }",
      "48 credentials.passwordFile: DIR/empty is empty; write the password into it",
    ],
    ["{ dockerConfig: none }", "34 credentials.dockerConfig: DIR/none does not exist"],
    ["{ dockerConfig: broken.json }", "34 credentials.dockerConfig: DIR/broken.json is not JSON"],
    [
      "{ dockerConfig: list.json }",
      '34 credentials.dockerConfig: DIR/list.json is not a Docker config.json; "docker login" writes one',
    ],
    [
      "{ dockerConfig: odd.json }",
      '34 credentials.dockerConfig: DIR/odd.json is not a Docker config.json; "docker login" writes one',
    ],
  ];
  for (const [keys, problem] of files) await assertProblems(`credentials: ${keys}`, problem);
});

const inline =
  'a password must not stand in this file; write passwordFile: /run/secrets/hub instead, or take it from a variable: password: "${HUB_PASSWORD}"';

test("a password that stands in the file is a problem that does not show it", async () => {
  await assertProblems(
    "credentials: { username: me, password: hunter2 }",
    `44 credentials.password: ${inline}`,
  );
  await assertProblems(
    'credentials: { username: me, password: "$${hunter2}" }',
    `44 credentials.password: ${inline}`,
  );
});

test("a password that is the fallback of a variable stands in the file too, and is refused and not shown", async () => {
  for (const written of ["${HUB_PASSWORD:-hunter2}", "${A}${HUB_PASSWORD:-hunter2}"]) {
    const keys = `credentials: { username: me, password: "${written}" }`;
    for (const environment of [{ A: "a" }, { A: "a", HUB_PASSWORD: "s3cret" }]) {
      assert.deepEqual(await upstreamWith(keys, environment), [
        `f:4:44 credentials.password: ${inline}`,
      ]);
    }
  }
});

test("a password whose variable has an empty fallback is a problem: it is none", async () => {
  await assertProblems(
    'credentials: { username: me, password: "${HUB_PASSWORD:-}" }',
    '44 credentials.password: the value is not a password; write for example "${HUB_PASSWORD}"',
  );
});

test("no problem about credentials shows what may be a secret", async () => {
  const secret = "hunter2";
  const documents = [
    `credentials: me:${secret}`,
    `credentials: [${secret}]`,
    `credentials: { username: "me:${secret}", passwordFile: password }`,
    `credentials: { username: me, password: ["${secret}"] }`,
    `credentials: { username: me, password: { ${secret}: 1 } }`,
    `credentials: { username: me, password: "${secret}" }`,
    `credentials: { username: me, password: !${secret} }`,
    `credentials: { username: me, password: *${secret} }`,
    `credentials:\n      username: me\n      password: |${secret}`,
    `credentials:\n      username: me\n      password: >${secret}`,
    `credentials:\n      username: me\n      password: "a\\${secret}"`,
    "credentials: { username: me, password: '${UNSET}' }",
    `credentials: { username: me, password: "\${UNSET:-${secret}}" }`,
  ];
  for (const keys of documents) {
    const problems = await upstreamWith(keys);
    assert.ok(Array.isArray(problems), keys);
    assert.doesNotMatch(problems.join(), new RegExp(secret), keys);
  }
});

test("realms are hosts, as in a URL", async () => {
  await assertProblems(
    "realms: [https://auth.example.com/token]",
    '14 realms[0]: "https://auth.example.com/token" is not a host; write for example registry.internal or registry.internal:5000',
  );
});
