import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtempDisposable, rm, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeCertificate } from "../support/certificate.ts";
import { Containerd } from "../support/containerd.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { hubCorpus, nameOf } from "../support/corpus.ts";
import { Dockerd } from "../support/dockerd.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { basic, passwordLine } from "../support/login-files.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

const { multi } = hubCorpus;
const password = "correct horse";

test("dockerd, podman and containerd log in over TLS by an authority of one's own, and pull", async (t) => {
  const clients = ["dockerd", "docker", "podman", "containerd", "ctr", "runc"] as const;
  if (!haveRoot(t) || !haveAll(t, "openssl", ...clients)) return;
  await using scene = await startScene();
  const { host, image, caFile, home } = scene;
  const login = ["--username", "alice", "--password"];

  // First, for podman believes whom Docker believes.
  await using podman = await ContainersHome.withConf("");
  const trust = join(home, "trust");
  await mkdir(trust);
  await copyFile(caFile, join(trust, "ca.crt"));
  const known = ["--cert-dir", trust, "--authfile", join(home, "auth.json")];
  await assert.rejects(podman.podman("login", ...login, password, host), /certificate/);
  await assert.rejects(
    podman.podman("login", ...known, ...login, "wrong", host),
    /invalid username|unauthorized/,
  );
  await podman.podman("login", ...known, ...login, password, host);
  await podman.podman("pull", "--quiet", ...known, image);
  assert.equal(await podman.run(image), `${multi.repository}\n`);

  await using dockerd = await Dockerd.start();
  const unbelieved = await dockerd.try("login", ...login, password, host);
  assert.match(unbelieved.stderr, /certificate/);
  await scene.believeInDocker();
  assert.match((await dockerd.try("pull", image)).stderr, /no basic auth credentials|unauthorized/);
  assert.match((await dockerd.try("login", ...login, "wrong", host)).stderr, /unauthorized|401/);
  await dockerd.docker("login", ...login, password, host);
  await dockerd.docker("pull", image);
  assert.equal(await dockerd.run(image), `${multi.repository}\n`);

  await using containerd = await Containerd.start({ mirror: `https://${host}` });
  const full = `docker.io/${nameOf(multi)}`;
  await containerd.useHosts(
    await scene.hostsWith({ caFile: null, authorization: basic("alice", password) }),
  );
  await assert.rejects(containerd.pull(full));
  await containerd.useHosts(
    await scene.hostsWith({ caFile, authorization: basic("alice", "wrong") }),
  );
  await assert.rejects(containerd.pull(full));
  await containerd.useHosts(
    await scene.hostsWith({ caFile, authorization: basic("alice", password) }),
  );
  await containerd.pull(full);
  assert.equal(await containerd.run(full), `${multi.repository}\n`);

  const served = scene.mirror.logLines.filter(({ digest, status }) => digest && status === 200);
  assert.deepEqual([...new Set(served.map(({ user }) => user))], ["alice"]);
});

interface Hosts {
  readonly caFile: string | null;
  readonly authorization: string;
}

/** A mirror with a login and a certificate, at an address that Docker does not take for a registry of its own machine. */
async function startScene() {
  await using stack = new AsyncDisposableStack();
  const { path: home } = stack.use(await mkdtempDisposable(join(tmpdir(), "tls-logins-")));
  const address = ownAddress();
  const certificate = await makeCertificate(home, { names: [`IP:${address}`] });
  const htpasswdFile = join(home, "htpasswd");
  await writeFile(htpasswdFile, passwordLine("alice", password));
  const upstream = stack.use(await FakeUpstream.start());
  for (const tag of multi.tags) upstream.addImage(multi.repository, tag, multi.image);
  const mirror = stack.use(
    await TestMirror.start({
      upstreams: { "docker.io": upstream },
      tls: [certificate],
      server: { listen: { host: address, port: 0 }, auth: { htpasswdFile, tokensFile: null } },
    }),
  );
  const host = `${address}:${new URL(mirror.url).port}`;
  const inDocker = `/etc/docker/certs.d/${host}`;
  stack.defer(() => rm(inDocker, { recursive: true, force: true }));
  const running = stack.move();
  const caFile = certificate.certificateFile;
  return {
    mirror,
    home,
    host,
    image: `${host}/${nameOf(multi)}`,
    caFile,
    believeInDocker: async (): Promise<void> => {
      await mkdir(inDocker, { recursive: true });
      await copyFile(caFile, join(inDocker, "ca.crt"));
    },
    hostsWith: async ({ caFile, authorization }: Hosts): Promise<string> => {
      const hosts = join(home, "hosts");
      await mkdir(join(hosts, "docker.io"), { recursive: true });
      const url = `https://${host}`;
      const believed = caFile === null ? "" : `  ca = "${caFile}"\n`;
      const toml = `[host."${url}"]\n  capabilities = ["pull", "resolve"]\n${believed}  [host."${url}".header]\n    authorization = "${authorization}"\n`;
      await writeFile(join(hosts, "docker.io/hosts.toml"), toml);
      return hosts;
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

/** Of this machine, and not of loopback: there Docker would ask without TLS, and look at no certificate. */
function ownAddress(): string {
  const addresses = Object.values(networkInterfaces()).flatMap((all) => all ?? []);
  const own = addresses.find(({ family, internal }) => family === "IPv4" && !internal);
  assert.ok(own, "this machine has no address but loopback's: docker's TLS cannot be tried");
  return own.address;
}
