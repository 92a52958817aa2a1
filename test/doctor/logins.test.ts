import assert from "node:assert/strict";
import { mkdtempDisposable, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { Config } from "../../src/config/config.ts";
import { checkClients } from "../../src/doctor/clients-check.ts";
import { collected } from "../../src/doctor/collected.ts";
import type { Finding } from "../../src/doctor/finding.ts";
import { checkLogins } from "../../src/doctor/logins-check.ts";
import { passwordLine, tokenLine } from "../support/login-files.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { configWith } from "./examined.ts";

test("the doctor says who can log in, and which line of a file is wrong", async () => {
  await using scene = await filesScene();
  await writeFile(scene.htpasswd, passwordLine("alice", "secret", 10));

  assert.deepEqual(told(await scene.found()), [
    "ok server.auth: users with a password: 1",
    "ok server.auth: tokens: 1",
  ]);

  await writeFile(scene.htpasswd, `${passwordLine("alice", "secret", 10)}bob:plain\n`);
  await rm(scene.tokens);
  const [htpasswd, tokens] = told(await scene.found());
  assert.match(
    htpasswd ?? "",
    /^fail server\.auth: .*htpasswd:2 has no hash that is known, .*; until then nobody can log in/,
  );
  assert.match(tokens ?? "", /^fail server\.auth: .*tokens does not exist/);
});

test("the doctor warns of weak hashes, and of names in rules that nobody has", async () => {
  await using scene = await filesScene();
  const access = [
    { match: "*", users: ["alice", "ci", "logged-in", "anonymous"] },
    { match: "*", users: ["alcie", "bob"] },
  ];

  const found = told(await scene.found({ access }));

  assert.match(
    found[0] ?? "",
    /^warn server\.auth: the hashes of 1 of 1 users have a cost below 10/,
  );
  assert.equal(
    found[2],
    "warn server.access[1]: it is about alcie, bob, and no file of logins has such a name",
  );
  assert.equal(found.length, 3);
});

test("the doctor does not take a mirror that asks for logins, or refuses this machine, for one that does not work", async () => {
  await using scene = await filesScene();
  const { server } = await scene.config({});
  const upstreams = { "docker.io": "http://127.0.0.1:1" };
  await using mirror = await TestMirror.start({ upstreams, server: { auth: server.auth } });
  const clients = async (): Promise<string[]> => {
    const { address: listening } = mirror.daemon;
    const checks = checkClients({ config: await scene.config({}), listening, stepLimitMs: 30_000 });
    return told(await collected("clients", 60_000, checks)).slice(1);
  };

  assert.deepEqual(await clients(), [
    "ok clients: clients must log in (server.auth), so the ways in which they ask were not tried",
  ]);
  const network = { address: "192.0.2.0", prefixBits: 24, family: "ipv4" } as const;
  const elsewhere = { match: "*", users: null, networks: [network], denial: null };
  mirror.reloadServer({ auth: null, access: [elsewhere] });
  assert.deepEqual(await clients(), [
    "ok clients: this machine itself may pull nothing (server.access), so the ways in which they ask were not tried",
  ]);
});

function told(findings: readonly Finding[]): string[] {
  return findings.map(({ subject, verdict, found }) => `${verdict} ${subject}: ${found}`);
}

/** A configuration whose files may be changed after it was read: alice has a password with a weak hash, ci a token. */
async function filesScene() {
  const temporary = await mkdtempDisposable(join(tmpdir(), "sluice-doctor-"));
  const htpasswd = join(temporary.path, "htpasswd");
  const tokens = join(temporary.path, "tokens");
  await writeFile(htpasswd, passwordLine("alice", "secret"));
  await writeFile(tokens, tokenLine("ci", "token"));
  const config = (server: Readonly<Record<string, unknown>>): Promise<Config> =>
    configWith({ server: { auth: { htpasswd, tokens }, ...server } });
  const first = await config({});
  return {
    htpasswd,
    tokens,
    config,
    found: async (server?: Readonly<Record<string, unknown>>): Promise<readonly Finding[]> =>
      collected("server.auth", 60_000, checkLogins(server ? await config(server) : first)),
    [Symbol.asyncDispose]: () => temporary.remove(),
  };
}
