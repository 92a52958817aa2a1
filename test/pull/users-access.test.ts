import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { basic, passwordLine } from "../support/login-files.ts";
import { PrivateLab } from "../support/private-lab.ts";

const alice = { authorization: basic("alice", "secret of alice") };

test("what our credentials open is for users; others get what the registry shows to everybody", async () => {
  await using scene = await usersScene();
  const { lab } = scene;

  // In both orders: before it is here, and when a user has pulled it.
  for (let round = 0; round < 2; round++) {
    for (const target of privateTargets(lab)) {
      const answer = await lab.get(target);
      assert.equal(answer.status, 401, target);
      assert.equal(answer.headers["www-authenticate"], 'Basic realm="sluice"');
    }
    assert.equal((await lab.get("/v2/public/app/manifests/1")).status, 200);
    for (const target of privateTargets(lab))
      assert.equal((await lab.mirror.get(target, alice)).status, 200, target);
    await lab.mirror.idle();
  }
});

test("a list of repositories has what is private for users alone", async () => {
  await using scene = await usersScene();
  const { lab } = scene;
  for (const name of ["public/app", "team/secret"])
    assert.equal((await lab.mirror.get(`/v2/${name}/manifests/1`, alice)).status, 200);
  assert.equal((await lab.get("/v2/public/app/manifests/1")).status, 200);
  const listed = async (headers = {}): Promise<unknown> =>
    JSON.parse((await lab.mirror.get("/v2/_catalog", headers)).body.toString()).repositories;

  assert.deepEqual(await listed(), ["public/app"]);
  assert.deepEqual(await listed(alice), ["public/app", "team/secret"]);
});

test("a registry that hides what is private from strangers hides it here too", async () => {
  await using scene = await usersScene(404);
  const { lab } = scene;

  for (const target of privateTargets(lab))
    assert.equal((await lab.get(target)).status, 404, target);
  for (const target of privateTargets(lab))
    assert.equal((await lab.mirror.get(target, alice)).status, 200, target);
  for (const target of privateTargets(lab))
    assert.equal((await lab.get(target)).status, 404, target);
});

function privateTargets({ privateImage, secret }: PrivateLab): string[] {
  const { digest } = privateImage.manifest;
  const paths = ["manifests/1", `manifests/${digest}`, `blobs/${secret.digest}`, "tags/list"];
  return [...paths, `referrers/${digest}`].map((path) => `/v2/team/secret/${path}`);
}

/** Everybody may pull everything as far as the mirror's rules go; alice can log in. */
async function usersScene(refusal: 401 | 404 = 401) {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await mkdtempDisposable(join(tmpdir(), "sluice-users-")));
  const htpasswdFile = join(path, "htpasswd");
  await writeFile(htpasswdFile, passwordLine("alice", "secret of alice"));
  const lab = stack.use(
    await PrivateLab.start({
      access: "users",
      refusal,
      server: {
        auth: { htpasswdFile, tokensFile: null },
        access: [{ match: "*", users: null, networks: null, denial: null }],
      },
    }),
  );
  const running = stack.move();
  return { lab, [Symbol.asyncDispose]: () => running.disposeAsync() };
}
