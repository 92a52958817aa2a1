import assert from "node:assert/strict";
import { mkdtempDisposable, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { pino } from "pino";
import { type LoginCheck, Logins } from "../../src/auth/logins.ts";
import { PasswordHashing } from "../../src/auth/password-hashing.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { basic, passwordLine, tokenLine } from "../support/login-files.ts";

test("a password is right for its user alone, and a token for its name or without one", async () => {
  await using scene = await loginScene();

  const table: readonly (readonly [string, LoginCheck])[] = [
    [basic("alice", "secret of alice"), { kind: "user", name: "alice" }],
    [basic("bob", "secret of bob"), { kind: "user", name: "bob" }],
    [basic("ci", "token-of-ci"), { kind: "user", name: "ci" }],
    ["Bearer token-of-ci", { kind: "user", name: "ci" }],
    [basic("", ""), { kind: "nobody" }],
    [basic("alice", "secret of bob"), { kind: "wrong", why: null }],
    [basic("alice", ""), { kind: "wrong", why: null }],
    [basic("Alice", "secret of alice"), { kind: "wrong", why: null }],
    [basic("nobody", "secret of alice"), { kind: "wrong", why: null }],
    [basic("alice", "token-of-ci"), { kind: "wrong", why: null }],
    [basic("ci", "secret of alice"), { kind: "wrong", why: null }],
    ["Bearer token-of-nobody", { kind: "wrong", why: null }],
    ["Bearer ci", { kind: "wrong", why: null }],
  ];
  // Twice: as it is found, and as it is remembered.
  for (const [header, expected] of [...table, ...table])
    assert.deepEqual(await scene.check(header), expected, header);
});

test("a password that bcrypt would cut off is refused, and not the same as one that is right so far", async () => {
  await using scene = await loginScene();
  const long = "a".repeat(72);
  await scene.write("htpasswd", passwordLine("long", long));

  assert.equal((await scene.check(basic("long", long))).kind, "user");
  const cut = await scene.check(basic("long", `${long}b`));
  assert.ok(cut.kind === "wrong");
  assert.match(cut.why ?? "", /at most 72 bytes/);
  assert.equal((await scene.check(basic("long", `${long}\0`))).kind, "wrong");
});

test("a caller whose Authorization is neither Basic nor Bearer is told what a login is", async () => {
  await using scene = await loginScene();

  const check = await scene.check("Digest username=alice");

  assert.ok(check.kind === "wrong");
  assert.match(check.why ?? "", /neither Basic .* nor Bearer/);
});

test("who was added can log in at once, although the same login was wrong a moment ago", async () => {
  await using scene = await loginScene();
  assert.equal((await scene.check(basic("carol", "secret"))).kind, "wrong");

  await scene.write("htpasswd", passwordLine("carol", "secret"));

  assert.deepEqual(await scene.check(basic("carol", "secret")), { kind: "user", name: "carol" });
});

test("a user who was removed from the file is let in no more once it has been looked at", async () => {
  await using scene = await loginScene();
  assert.equal((await scene.check(basic("alice", "secret of alice"))).kind, "user");

  await scene.write("htpasswd", passwordLine("bob", "secret of bob"));
  await scene.logins.lookAgain();

  assert.equal((await scene.check(basic("alice", "secret of alice"))).kind, "wrong");
  assert.equal((await scene.check(basic("bob", "secret of bob"))).kind, "user");
});

test("while a file is broken nobody can log in, those remembered neither; the log says its line once", async () => {
  await using scene = await loginScene();
  const alice = basic("alice", "secret of alice");
  assert.equal((await scene.check(alice)).kind, "user");

  await scene.write("htpasswd", `${passwordLine("alice", "secret of alice")}bob:hunter2\n`);
  await scene.logins.lookAgain();

  for (const header of [alice, basic("ci", "token-of-ci"), "Bearer token-of-ci", "nonsense"])
    assert.equal((await scene.check(header)).kind, "closed", header);
  await scene.logins.lookAgain();
  const errors = scene.lines().filter(({ level }) => level === 50);
  assert.equal(errors.length, 1);
  assert.match(String(errors[0]?.["problem"]), /htpasswd:2 has no hash that is known/);

  await scene.write("htpasswd", passwordLine("alice", "secret of alice"));
  assert.equal((await scene.check(alice)).kind, "user");
});

test("while a file is gone nobody can log in; the log misses it once", async () => {
  await using scene = await loginScene();

  await rm(join(scene.directory, "tokens"));
  for (let at = 0; at < 3; at++) await scene.logins.lookAgain();

  assert.equal((await scene.check(basic("alice", "secret of alice"))).kind, "closed");
  const problems = scene.lines().flatMap(({ problem }) => problem ?? []);
  assert.equal(problems.length, 1);
  assert.match(String(problems[0]), /tokens does not exist/);
});

test("thirty wrong logins of an address are compared, more are told when to come again", async () => {
  await using scene = await loginScene();
  const alice = basic("alice", "secret of alice");
  await scene.check(alice);

  for (let at = 0; at < 30; at++)
    assert.equal((await scene.check(`Bearer guess-${at}`)).kind, "wrong");

  assert.deepEqual(await scene.check("Bearer guess-30"), { kind: "limited", retryAfterMs: 2_000 });
  // Who is remembered is not compared; whoever is elsewhere is not meant.
  assert.equal((await scene.check(alice)).kind, "user");
  assert.equal((await scene.check("Bearer guess-31", "198.51.100.7")).kind, "wrong");
  // A node with an old password repeats it: that is one guess.
  assert.equal((await scene.check("Bearer guess-0")).kind, "wrong");
  scene.nowMs += 2_000;
  assert.equal((await scene.check(basic("bob", "secret of bob"))).kind, "user");
});

test("one login from a hundred connections at once is compared once", async () => {
  await using scene = await loginScene(new PasswordHashing({ waitingLimit: 0 }));
  const alice = basic("alice", "secret of alice");

  const checks = await Promise.all(Array.from({ length: 100 }, () => scene.check(alice)));

  assert.ok(checks.every(({ kind }) => kind === "user"));
});

test("more logins at once than may wait are told so, and count for nothing against their address", async () => {
  await using scene = await loginScene(new PasswordHashing({ waitingLimit: 0 }));
  const users = ["alice", "bob"].map((name) => basic(name, `secret of ${name}`));

  const kinds = (await Promise.all(users.map((user) => scene.check(user)))).map(({ kind }) => kind);

  assert.deepEqual(kinds.toSorted(), ["busy", "user"]);
  for (const user of users) assert.equal((await scene.check(user)).kind, "user");
});

test("each login that is not let in is counted by its reason", async () => {
  await using scene = await loginScene();
  await scene.check(basic("alice", "secret of alice"));
  await scene.check(basic("", ""));
  await scene.check(basic("alice", "wrong"));
  await scene.check(basic("alice", "wrong"));
  await rm(join(scene.directory, "tokens"));
  await scene.check(basic("alice", "wrong"));

  const counted = await scene.metrics.registry.getSingleMetricAsString(
    "sluice_authentication_failures_total",
  );
  assert.match(counted, /\{listener="server",reason="wrong"\} 2\n/);
  assert.match(counted, /\{listener="server",reason="closed"\} 1$/);
});

test("no secret comes into the log", async () => {
  await using scene = await loginScene();
  for (const header of [
    basic("alice", "secret of alice"),
    basic("alice", "CANARY"),
    "Bearer CANARY",
  ])
    await scene.check(header);

  const log = JSON.stringify(scene.lines());
  assert.match(log, /logins were read/);
  for (const secret of ["secret", "CANARY", "$2b$", "token-of"]) assert.ok(!log.includes(secret));
});

/** Alice and bob with passwords, ci with a token. */
async function loginScene(hashing = new PasswordHashing()) {
  await using stack = new AsyncDisposableStack();
  const { path: directory } = stack.use(await mkdtempDisposable(join(tmpdir(), "sluice-logins-")));
  const write = (name: string, text: string): Promise<void> =>
    writeFile(join(directory, name), text);
  await write(
    "htpasswd",
    ["alice", "bob"].map((name) => passwordLine(name, `secret of ${name}`)).join(""),
  );
  await write("tokens", tokenLine("ci", "token-of-ci"));
  const written: string[] = [];
  const metrics = new Metrics("test");
  const scene = {
    directory,
    write,
    metrics,
    nowMs: 0,
    lines: () => written.map((line): Record<string, unknown> => JSON.parse(line)),
  };
  const logins = stack.use(
    new Logins({
      listener: "server",
      files: { htpasswdFile: join(directory, "htpasswd"), tokensFile: join(directory, "tokens") },
      hashing,
      log: pino({}, { write: (line: string) => void written.push(line) }),
      metrics,
      monotonicMs: () => scene.nowMs,
    }),
  );
  const check = (header: string, address = "192.0.2.1"): Promise<LoginCheck> =>
    logins.check(header, address);
  const running = stack.move();
  return Object.assign(scene, {
    logins,
    check,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  });
}
