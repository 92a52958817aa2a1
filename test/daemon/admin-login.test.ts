import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AdminConfig, LoginFiles } from "../../src/config/config.ts";
import { type Answer, ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { basic, passwordLine, tokenLine } from "../support/login-files.ts";
import { TestMirror } from "../support/test-mirror.ts";

type Headers = Readonly<Record<string, string>>;

const alice = { authorization: basic("alice", "secret of alice") };
const ci = { authorization: "Bearer token-of-ci" };
const wrong = { authorization: basic("alice", "wrong") };
const json = { "content-type": "application/json" };

interface Scene extends AsyncDisposable {
  readonly mirror: TestMirror;
  readonly files: LoginFiles & { readonly tokensFile: string };
}

/** A mirror whose admin API takes the logins of alice and of a program called ci. */
async function startScene(admin: Partial<AdminConfig> = {}): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "admin-login-")));
  const files = { htpasswdFile: join(path, "htpasswd"), tokensFile: join(path, "tokens") };
  await writeFile(files.htpasswdFile, passwordLine("alice", "secret of alice"), { mode: 0o600 });
  await writeFile(files.tokensFile, tokenLine("ci", "token-of-ci"), { mode: 0o600 });
  const upstreams = { "docker.io": "http://127.0.0.1:9" };
  const mirror = resources.use(
    await TestMirror.start({ upstreams, admin: { auth: files, ...admin } }),
  );
  const kept = resources.move();
  return { mirror, files, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function get({ mirror }: Scene, target: string, headers: Headers = {}): Promise<Answer> {
  return ask(`${mirror.adminUrl}${target}`, { headers });
}

function pin({ mirror }: Scene, headers: Headers): Promise<Answer> {
  const body = Buffer.from(JSON.stringify({ patterns: ["docker.io/library/*"] }));
  return ask(`${mirror.adminUrl}/api/v1/pin`, { method: "POST", headers, body });
}

test("whoever has not logged in to the admin API is asked to, whatever they ask for but whether the mirror is well", async () => {
  await using scene = await startScene();

  for (const target of ["/", "/metrics", "/api/v1/stats", "/api/v1/openapi.json", "/nothing"]) {
    const { status, headers, bytes } = await get(scene, target);
    assert.equal(status, 401, target);
    assert.equal(headers["www-authenticate"], 'Basic realm="sluice admin", charset="UTF-8"');
    assert.equal(headers["x-content-type-options"], "nosniff");
    assert.doesNotMatch(bytes.toString(), /sluice_/);
  }
  assert.equal((await pin(scene, { ...json, origin: scene.mirror.adminUrl })).status, 401);
  for (const target of ["/healthz", "/readyz"]) {
    assert.equal((await get(scene, target)).status, 200, target);
  }
});

test("whoever has logged in to the admin API is answered: by name and password, by token", async () => {
  await using scene = await startScene();

  for (const headers of [alice, ci, { authorization: basic("ci", "token-of-ci") }]) {
    for (const target of ["/", "/metrics", "/api/v1/stats"]) {
      assert.equal((await get(scene, target, headers)).status, 200, headers.authorization);
    }
  }
});

test("who has logged in may change something, as a program or on our page, and the log says who it was", async () => {
  await using scene = await startScene();
  const { adminUrl } = scene.mirror;

  assert.equal((await pin(scene, { ...json, ...ci })).status, 200);
  assert.equal((await pin(scene, { ...json, ...alice, origin: adminUrl })).status, 200);

  const lines = scene.mirror.logLines.filter(({ msg }) => msg === "change was asked for");
  assert.deepEqual(
    lines.map(({ by, client, target }) => ({ by, client, target })),
    ["ci", "alice"].map((by) => ({ by, client: "127.0.0.1", target: "/api/v1/pin" })),
  );
});

test("a page of another site changes nothing with the login that the browser sends for it", async () => {
  await using scene = await startScene();
  const attacks: readonly Headers[] = [
    { ...json, ...alice, origin: "https://evil.example" },
    { ...json, ...alice, origin: "null" },
    { ...json, ...alice, "sec-fetch-site": "cross-site" },
    { ...json, ...alice, origin: scene.mirror.adminUrl, "sec-fetch-site": "same-site" },
    { "content-type": "text/plain", ...alice },
  ];

  for (const headers of attacks) {
    const { status } = await pin(scene, headers);
    assert.ok(status === 403 || status === 415, `${status} ${JSON.stringify(headers)}`);
  }
  const { bytes } = await get(scene, "/api/v1/pins", alice);
  assert.deepEqual(JSON.parse(bytes.toString()).pins, []);
  const refused = scene.mirror.logLines.filter(({ msg }) => msg === "change was refused");
  assert.deepEqual(new Set(refused.map(({ by }) => by)), new Set(["alice"]));
});

test("a wrong login is refused and logged without it, and after many there is a pause", async () => {
  await using scene = await startScene();

  const statuses: number[] = [];
  for (let at = 0; at < 40; at++) {
    const guess = { authorization: basic("alice", `guess ${at}`) };
    statuses.push((await get(scene, "/api/v1/stats", guess)).status);
  }

  assert.equal(statuses[0], 401);
  assert.equal(statuses.at(-1), 429);
  const lines = scene.mirror.logLines.filter(
    ({ msg }) => msg === "login to the admin API was refused",
  );
  assert.deepEqual(
    [lines[0]?.["client"], lines[0]?.["reason"], lines.at(-1)?.["reason"]],
    ["127.0.0.1", "wrong", "limited"],
  );
  assert.doesNotMatch(JSON.stringify(scene.mirror.logLines), /guess|secret of/);
});

test("a token that is taken from its file is worth nothing any more", async () => {
  await using scene = await startScene();
  assert.equal((await get(scene, "/api/v1/stats", ci)).status, 200);

  await writeFile(scene.files.tokensFile, tokenLine("other", "token-of-other"));
  scene.mirror.reloadAdmin({ auth: scene.files });

  await eventually("the file is read again", async () => {
    return (await get(scene, "/api/v1/stats", ci)).status === 401;
  });
  const other = { authorization: "Bearer token-of-other" };
  assert.equal((await get(scene, "/api/v1/stats", other)).status, 200);
});

test("who can log in, and names of the machine, change with the configuration", async () => {
  await using scene = await startScene();
  const { mirror, files } = scene;
  const named = { host: "admin.example.com" };

  mirror.reloadAdmin({ auth: null, hosts: ["admin.example.com"] });
  const open = await get(scene, "/api/v1/stats", named);
  mirror.reloadAdmin({ auth: files });
  const closed = await get(scene, "/api/v1/stats", wrong);
  const unnamed = await get(scene, "/api/v1/stats", { ...alice, ...named });

  assert.deepEqual([open.status, closed.status, unnamed.status], [200, 401, 421]);
  const restarts = mirror.logLines.filter(({ msg }) => String(msg).includes("next start"));
  assert.deepEqual(restarts, []);
});

// The address waits for the next start, the login did not: whoever reached the old address was told everything.
test("who has not logged in is refused at an address that others reach, also once the configuration names loopback", async () => {
  await using scene = await startScene({ listen: { host: "0.0.0.0", port: 0 } });
  const { mirror, files } = scene;
  const later = { htpasswdFile: null, tokensFile: files.tokensFile };

  mirror.reloadAdmin({ auth: later });
  mirror.reloadAdmin({ auth: null, listen: { host: "127.0.0.1", port: 5001 } });

  assert.equal((await get(scene, "/api/v1/stats")).status, 401);
  assert.equal((await get(scene, "/api/v1/stats", alice)).status, 401, "whom the last one had not");
  assert.equal((await get(scene, "/api/v1/stats", ci)).status, 200);
  const keys = mirror.logLines.filter(({ msg }) => String(msg).includes("next start"));
  assert.deepEqual(
    keys.map(({ key }) => key),
    ["admin"],
  );
});

test("an address that waits for the next start is no name of the machine yet", async () => {
  await using scene = await startScene();
  const named = { ...alice, host: "admin.example.com" };

  scene.mirror.reloadAdmin({
    auth: scene.files,
    listen: { host: "admin.example.com", port: 5001 },
  });

  assert.equal((await get(scene, "/api/v1/stats", named)).status, 421);
});
