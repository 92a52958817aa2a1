import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtempDisposable, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeCertificate } from "../support/certificate.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { hubCorpus, nameOf } from "../support/corpus.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { Dockerd } from "../support/dockerd.ts";
import { pushImage } from "../support/push.ts";
import { haveAll, haveRoot, programPath } from "../support/real-program.ts";
import { mustRun } from "../support/run-program.ts";
import { skopeo } from "../support/skopeo.ts";
import { TestMirror } from "../support/test-mirror.ts";

const { multi } = hubCorpus;
const users = { alice: "CANARY-of-alice", bob: "CANARY-of-bob" } as const;

test("docker, podman and skopeo log in through the mirror over TLS, and pull as the registry lets them", async (t) => {
  const programs = ["docker-registry", "htpasswd", "openssl", "skopeo", "podman", "runc"] as const;
  if (!haveRoot(t) || !haveAll(t, "dockerd", "docker", ...programs)) return;
  await using lab = await startLab();
  const { mirror, host, registry, image, trust, home } = lab;
  await using podman = await ContainersHome.withConf("");
  await using dockerd = await Dockerd.start();
  const authFile = join(home, "auth.json");
  await writeFile(authFile, "{}");
  const podmanLogin = (user: keyof typeof users, password: string): Promise<string> =>
    podman.podman(
      ...["login", "--authfile", authFile, "--cert-dir", trust],
      ...["--username", user, "--password", password, host],
    );
  const podmanPull = (): Promise<string> =>
    podman.podman("pull", "--quiet", "--authfile", authFile, "--cert-dir", trust, image);
  const copy = (creds: string): Promise<string> =>
    skopeo(
      ...["copy", "--quiet", "--all", "--src-cert-dir", trust, "--src-creds", creds],
      ...[`docker://${image}`, `dir:${join(home, "copy")}`],
    );

  // Cold; nobody, and who has the wrong password, gets nothing.
  await assert.rejects(podmanPull(), /unauthorized|authentication|401/i);
  await assert.rejects(podmanLogin("alice", "wrong"), /invalid username|unauthorized|401/i);
  await podmanLogin("alice", users.alice);
  await podmanPull();
  await assert.rejects(copy("bob:wrong"), /unauthorized|401|username/i);
  await copy(`bob:${users.bob}`);
  // dockerd takes a registry at 127.0.0.1 without looking at its certificate, and tries plain HTTP where that fails, which
  // it then tells of.
  await assert.rejects(dockerd.docker("pull", image));
  const wrong = await dockerd.try("login", "--username", "alice", "--password", "no", host);
  assert.notEqual(wrong.code, 0);
  await dockerd.docker("login", "--username", "alice", "--password", users.alice, host);
  await dockerd.docker("pull", image);

  const manifest = await readFile(join(home, "copy/manifest.json"));
  assert.ok(manifest.equals(multi.image.manifest.bytes));
  const gets = (await registry.blobGets()).filter(({ status }) => status === 200);
  assert.equal(new Set(gets.map(({ path }) => path)).size, gets.length, "each blob once for all");

  // In an outage: who pulled it before, and nobody else.
  await registry.stop();
  await podman.podman("rmi", "--all", "--force");
  await podmanPull();
  await rm(join(home, "copy"), { recursive: true });
  await copy(`bob:${users.bob}`);
  await rm(join(home, "copy"), { recursive: true });
  await assert.rejects(copy("bob:wrong"));
  await assert.rejects(copy("carol:guess"));
  assert.ok(!JSON.stringify(mirror.logLines).includes("CANARY"));
});

async function startLab(): Promise<Lab> {
  await using resources = new AsyncDisposableStack();
  const home = resources.use(await mkdtempDisposable(join(tmpdir(), "forwarded-"))).path;
  const content = join(home, "content");
  await fill(content);
  const htpasswd = join(home, "htpasswd");
  await writeFile(htpasswd, await passwordLines());
  const auth = { htpasswd: { realm: "private", path: htpasswd } };
  const registry = resources.use(await DockerRegistry.start({ directory: content, auth }));
  const certificate = await makeCertificate(home);
  const trust = join(home, "trust");
  await mkdir(trust);
  await copyFile(certificate.certificateFile, join(trust, "ca.crt"));
  const mirror = resources.use(
    await TestMirror.start({
      upstreams: { "private.test": registry.url },
      settings: { "private.test": { access: "forward" } },
      tls: [certificate],
    }),
  );
  const kept = resources.move();
  const { host } = new URL(mirror.url);
  const image = `${host}/${nameOf(multi)}`;
  return {
    ...{ mirror, host, registry, image, trust, home },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}

interface Lab extends AsyncDisposable {
  readonly mirror: TestMirror;
  /** Where clients reach it. */
  readonly host: string;
  readonly registry: DockerRegistry;
  readonly image: string;
  /** A directory with the authority to believe. */
  readonly trust: string;
  readonly home: string;
}

/** Pushed before anybody has to log in. */
async function fill(content: string): Promise<void> {
  await using registry = await DockerRegistry.start({ directory: content });
  for (const tag of multi.tags) await pushImage(registry.url, multi.repository, tag, multi.image);
}

async function passwordLines(): Promise<string> {
  const lines = Object.entries(users).map(([user, password]) =>
    mustRun(programPath("htpasswd"), ["-Bbn", "-C", "4", user, password]),
  );
  return (await Promise.all(lines)).map((line) => line.trim()).join("\n");
}
