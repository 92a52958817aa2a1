import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AccessRule } from "../../src/config/config.ts";
import { Containerd } from "../support/containerd.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { hubCorpus, nameOf } from "../support/corpus.ts";
import { Dockerd } from "../support/dockerd.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { basic } from "../support/login-files.ts";
import { haveAll, haveRoot, programPath, type RealProgram } from "../support/real-program.ts";
import { mustRun } from "../support/run-program.ts";
import { skopeo } from "../support/skopeo.ts";
import { TestMirror } from "../support/test-mirror.ts";

const { multi } = hubCorpus;
const image = nameOf(multi);
const password = "correct horse: battery";
const makers = ["htpasswd", "openssl", "bash"] as const satisfies readonly RealProgram[];

test("docker logs in with a password and with a token, and pulls; wrong ones do not", async (t) => {
  if (!haveRoot(t) || !haveAll(t, ...makers, "dockerd", "docker", "runc")) return;
  await using scene = await loginScene();
  await using dockerd = await Dockerd.start();
  const { host } = scene;
  const named = `${host}/${image}`;

  const stranger = await dockerd.try("pull", named);
  assert.equal(stranger.code, 1);
  assert.match(stranger.stderr, /no basic auth credentials|unauthorized|log in/);
  const wrong = await dockerd.try("login", "--username", "alice", "--password", "wrong", host);
  assert.equal(wrong.code, 1);
  assert.match(wrong.stderr, /unauthorized|401/);
  for (const [name, secret] of [
    ["alice", password],
    ["ci", scene.token],
  ] as const) {
    await dockerd.docker("login", "--username", name, "--password", secret, host);
    await dockerd.docker("pull", named);
    assert.equal(await dockerd.run(named), `${multi.repository}\n`);
    await dockerd.forgetAll();
    assert.ok(scene.usersServed().includes(name));
  }
  scene.assertNothingLeaked();
});

test("podman and skopeo log in, also where strangers may pull other images", async (t) => {
  if (!haveRoot(t) || !haveAll(t, ...makers, "podman", "skopeo", "runc")) return;
  await using scene = await loginScene();
  await using home = await ContainersHome.withConf("");
  const { host, directory } = scene;
  const named = `${host}/${image}`;
  const [authfile, plain] = [`--authfile=${directory}/auth.json`, "--tls-verify=false"];
  const copy = ["copy", "--quiet", "--all", "--src-tls-verify=false"];
  const pulled = (): string => `dir:${join(directory, `copy-${performance.now()}`)}`;

  await assert.rejects(
    home.podman("pull", "--quiet", plain, named),
    /authentication|log in|unauthorized/,
  );
  await home.podman("login", authfile, plain, "--username", "alice", "--password", password, host);
  for (const access of [null, [forAlice, forEveryone]]) {
    scene.mirror.reloadServer({ auth: scene.files, access });
    await home.podman("pull", "--quiet", authfile, plain, named);
    assert.equal(await home.run(named), `${multi.repository}\n`);
    await home.podman("rmi", "--all", "--force");
    await skopeo(...copy, "--src-creds", `ci:${scene.token}`, `docker://${named}`, pulled());
    await assert.rejects(
      skopeo(...copy, `docker://${named}`, pulled()),
      /log in|authentication|unauthorized/,
    );
  }
  // Both are offered a login that they have not got.
  await skopeo(...copy, `docker://${host}/other:1`, pulled());
  await home.podman("pull", "--quiet", plain, `${host}/other:1`);
  assert.deepEqual([...new Set(scene.usersServed())].toSorted(), ["alice", "ci"]);
  scene.assertNothingLeaked();
});

test("containerd logs in by a header of hosts.toml, and ctr by --user", async (t) => {
  if (!haveRoot(t) || !haveAll(t, ...makers, "containerd", "ctr", "runc")) return;
  await using scene = await loginScene();
  await using containerd = await Containerd.start({ mirror: scene.mirror.url });
  const full = `docker.io/${image}`;

  await assert.rejects(containerd.pull(full));
  for (const authorization of [basic("alice", password), `Bearer ${scene.token}`]) {
    await containerd.useHosts(await scene.hostsWith(authorization));
    await containerd.pull(full);
    assert.equal(await containerd.run(full), `${multi.repository}\n`);
    await containerd.remove(full);
  }
  const named = `${scene.host}/${image}`;
  await containerd.pull(named, "--plain-http", "--user", `alice:${password}`);
  assert.equal(await containerd.run(named), `${multi.repository}\n`);
  scene.assertNothingLeaked();
});

const anywhere = { networks: null, denial: null };
const forAlice: AccessRule = {
  match: "docker.io/library/sluice-*",
  users: ["alice", "ci"],
  ...anywhere,
};
const forEveryone: AccessRule = { match: "docker.io/library/other", users: null, ...anywhere };

/** A mirror whose files of logins are made as the README says: alice has a password, ci a token. */
async function loginScene() {
  await using stack = new AsyncDisposableStack();
  const { path: directory } = stack.use(await mkdtempDisposable(join(tmpdir(), "logins-")));
  const htpasswd = ["-B", "-C", "5", "-b", "-c", "./htpasswd", "alice", password];
  await mustRun(programPath("htpasswd"), htpasswd, { cwd: directory });
  const token = (await mustRun(programPath("openssl"), ["rand", "-hex", "32"])).trim();
  const line = 'echo "ci:sha256:$(printf %s "$TOKEN" | sha256sum)" >> ./tokens';
  const env = { ...process.env, TOKEN: token };
  await mustRun(programPath("bash"), ["-c", line], { cwd: directory, env });
  const files = {
    htpasswdFile: join(directory, "htpasswd"),
    tokensFile: join(directory, "tokens"),
  };
  const upstream = stack.use(await FakeUpstream.start());
  const [tag = ""] = multi.tags;
  upstream.addImage(multi.repository, tag, multi.image);
  upstream.addImage("library/other", "1", multi.image);
  const mirror = stack.use(
    await TestMirror.start({ upstreams: { "docker.io": upstream }, server: { auth: files } }),
  );
  const running = stack.move();
  return {
    mirror,
    directory,
    files,
    token,
    host: new URL(mirror.url).host,
    usersServed: (): unknown[] =>
      mirror.logLines
        .filter(({ msg, digest }) => msg === "request served" && digest)
        .map(({ user }) => user)
        .filter((user) => user !== undefined),
    hostsWith: async (authorization: string): Promise<string> => {
      const hosts = join(directory, "hosts");
      await mkdir(join(hosts, "docker.io"), { recursive: true });
      const toml = `[host."${mirror.url}"]\n  capabilities = ["pull", "resolve"]\n  [host."${mirror.url}".header]\n    authorization = "${authorization}"\n`;
      await writeFile(join(hosts, "docker.io/hosts.toml"), toml);
      return hosts;
    },
    /** No login went upstream, or into the log. */
    assertNothingLeaked: (): void => {
      assert.ok(upstream.requests.length > 0);
      for (const { headers } of upstream.requests) assert.equal(headers.authorization, undefined);
      const log = JSON.stringify(mirror.logLines);
      for (const secret of [password, token, basic("alice", password).slice(6)])
        assert.ok(!log.includes(secret));
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
