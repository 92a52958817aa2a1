import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { passwordLine, tokenLine } from "../support/login-files.ts";
import { problemLines, read, yaml } from "./reading.ts";

test("logins are read from files, whose paths are relative to the configuration's own", async () => {
  await using scene = await filesScene();

  const { server } = await read(yaml`
    server: { auth: { htpasswd: ${scene.htpasswd}, tokens: ${scene.tokens} } }
  `);

  assert.deepEqual(server.auth, { htpasswdFile: scene.htpasswd, tokensFile: scene.tokens });
  assert.equal(server.access, null);
  assert.equal((await read("")).server.auth, null);
});

test("a file of logins that cannot be used is a mistake in the configuration, told with its line", async () => {
  await using scene = await filesScene();
  await writeFile(scene.htpasswd, `${passwordLine("alice", "secret")}bob:$apr1$salt$hash\n`);
  await writeFile(scene.tokens, "ci\n");

  const lines = await problemLines(yaml`
    server:
      auth: { htpasswd: ${scene.htpasswd}, tokens: ${scene.tokens} }
  `);

  assert.equal(lines.length, 2);
  assert.ok(
    lines[0]?.startsWith(
      `mirror.config.yaml:2:21 server.auth.htpasswd: ${scene.htpasswd}:2 has an MD5 hash, and only bcrypt is taken; make it anew with htpasswd -B`,
    ),
    lines[0],
  );
  assert.ok(
    lines[1]?.includes(`server.auth.tokens: ${scene.tokens}:1 has no ":" between`),
    lines[1],
  );
});

test("a file of logins that is not there, too large or not named is a mistake too", async () => {
  await using scene = await filesScene();
  await writeFile(scene.htpasswd, "#".repeat(1024 * 1024 + 1));

  const table: readonly (readonly [string, RegExp])[] = [
    ["{ htpasswd: ./nowhere }", /server\.auth\.htpasswd: \/etc\/lab\/nowhere does not exist/],
    [`{ htpasswd: ${scene.htpasswd} }`, /htpasswd is larger than 1 MiB/],
    ["{}", /server\.auth: names no file, so nobody could log in; write for example/],
    ["./htpasswd", /server\.auth: "\.\/htpasswd" is not a table of keys/],
    ["{ htpaswd: ./htpasswd }", /auth\.htpaswd: unknown key; did you mean "htpasswd"/],
  ];
  for (const [auth, expected] of table) {
    const lines = await problemLines(`server: { auth: ${auth} }`);
    assert.match(lines.join("\n"), expected);
  }
});

test("rules say who may pull what from where", async () => {
  await using scene = await filesScene();
  const { server } = await read(yaml`
    server:
      auth: { htpasswd: ${scene.htpasswd} }
      access:
        - { match: "docker.io/private/*", users: [alice], networks: [10.0.0.0/8, "fd00::/8", 192.0.2.1] }
        - { match: "*", users: [logged-in, anonymous], deny: "why" }
  `);

  assert.deepEqual(server.access, [
    {
      match: "docker.io/private/*",
      users: ["alice"],
      networks: [
        { address: "10.0.0.0", prefixBits: 8, family: "ipv4" },
        { address: "fd00::", prefixBits: 8, family: "ipv6" },
        { address: "192.0.2.1", prefixBits: 32, family: "ipv4" },
      ],
      denial: null,
    },
    { match: "*", users: ["logged-in", "anonymous"], networks: null, denial: "why" },
  ]);
});

test("rules that cannot mean what they say are refused", async () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ["[]", /server\.access: has no rule, so nobody could pull/],
    ['[{ users: ["anonymous"] }]', /server\.access\[0\]\.match: is missing/],
    ['[{ match: "docker.io/a:1" }]', /is about tags or digests, and access is to repositories/],
    ['[{ match: "docker.io/a@sha256:*" }]', /is about tags or digests/],
    ['[{ match: "docker.io/[a" }]', /is not a pattern of repositories/],
    ['[{ match: "*", users: [] }]', /names nobody/],
    ['[{ match: "*", users: [""] }]', /is not the name of a user/],
    ['[{ match: "*", users: alice }]', /is not a list of users/],
    ['[{ match: "*", networks: [] }]', /names none/],
    [
      '[{ match: "*", networks: [10.0.0.0/33] }]',
      /"10\.0\.0\.0\/33" is not an address or a network/,
    ],
    ['[{ match: "*", networks: [10.0.0/8] }]', /is not an address or a network/],
    ['[{ match: "*", networks: ["fe80::1%eth0"] }]', /is not an address or a network/],
    ['[{ match: "*", networks: ["fd00::/129"] }]', /is not an address or a network/],
    ['[{ match: "*", networks: [localhost] }]', /is not an address or a network/],
    ['[{ match: "*", deny: "" }]', /is not a sentence/],
    [
      '[{ match: "*", users: [alice] }]',
      /access\[0\]\.users\[0\]: nobody can log in, so everyone is anonymous/,
    ],
    ['[{ match: "*", users: [anonymous, logged-in] }]', /users\[1\]: nobody can log in/],
    ['[{ match: "*", store: false }]', /unknown key/],
  ];
  for (const [access, expected] of table) {
    const lines = await problemLines(`server: { access: ${access} }`);
    assert.equal(lines.length, 1, `${access}: ${lines.join("\n")}`);
    assert.match(lines[0] ?? "", expected);
  }
});

test("rules about networks alone need no logins", async () => {
  const { server } = await read('server: { access: [{ match: "*", networks: [10.0.0.0/8] }] }');

  assert.equal(server.access?.length, 1);
});

test("what our credentials can pull is for who has logged in, where nobody can only what is public; an access that is written counts", async () => {
  await using scene = await filesScene();
  const accessOf = async (auth: string, access: string): Promise<string | undefined> => {
    const { upstreams } = await read(
      yaml`
        server: ${auth}
        upstreams:
          ghcr.io: { endpoints: [https://ghcr.io], credentials: { username: me, password: "\${P}" }${access} }
      `,
      { P: "secret" },
    );
    return upstreams[0]?.access;
  };
  const auth = `{ auth: { htpasswd: ${scene.htpasswd} } }`;

  assert.equal(await accessOf("{}", ""), "public");
  assert.equal(await accessOf(auth, ""), "users");
  assert.equal(await accessOf(auth, ", access: public"), "public");
  assert.equal(await accessOf("{}", ", access: shared"), "shared");
  assert.equal(await accessOf(auth, ", access: shared"), "shared");
});

async function filesScene() {
  const temporary = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  const htpasswd = join(temporary.path, "htpasswd");
  const tokens = join(temporary.path, "tokens");
  await writeFile(htpasswd, passwordLine("alice", "secret"));
  await writeFile(tokens, tokenLine("ci", "token"));
  return { htpasswd, tokens, [Symbol.asyncDispose]: () => temporary.remove() };
}
