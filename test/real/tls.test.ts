import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "../support/ask.ts";
import { makeCertificate } from "../support/certificate.ts";
import { Containerd } from "../support/containerd.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { hubCorpus, nameOf } from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { startFrontProxy } from "../support/front-proxies.ts";
import { noiseBlob } from "../support/images.ts";
import { haveAll, haveRoot, programPath } from "../support/real-program.ts";
import { mustRun } from "../support/run-program.ts";
import { skopeo } from "../support/skopeo.ts";
import { TestMirror } from "../support/test-mirror.ts";

const { multi } = hubCorpus;

test("skopeo and podman pull over TLS from the mirror itself, and only if they believe its certificate", async (t) => {
  const programs = ["docker-registry", "openssl", "skopeo", "podman", "runc"] as const;
  if (!haveRoot(t) || !haveAll(t, ...programs)) return;
  await using registries = await CorpusRegistries.start();
  await using home = await mkdtempDisposable(join(tmpdir(), "tls-"));
  const certificate = await makeCertificate(home.path);
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": registries.hub.url },
    tls: [certificate],
  });
  const image = `${new URL(mirror.url).host}/${nameOf(multi)}`;
  const trust = join(home.path, "trust");
  await mkdir(trust);
  await copyFile(certificate.certificateFile, join(trust, "ca.crt"));
  const copy = ["copy", "--quiet", "--all", "--preserve-digests"];
  const destination = `dir:${home.path}/copy`;

  await assert.rejects(skopeo(...copy, `docker://${image}`, destination), /certificate/);
  await skopeo(...copy, "--src-cert-dir", trust, `docker://${image}`, destination);
  await using podman = await ContainersHome.withConf("");
  await podman.podman("pull", "--quiet", "--cert-dir", trust, image);

  const manifest = await readFile(join(home.path, "copy/manifest.json"));
  assert.ok(manifest.equals(multi.image.manifest.bytes));
});

test("curl chooses HTTP/2, other clients do not, and Go's speaks it before any of them", async (t) => {
  const programs = [
    "docker-registry",
    "openssl",
    "caddy",
    "skopeo",
    "podman",
    "runc",
    "curl",
  ] as const;
  if (!haveRoot(t) || !haveAll(t, "containerd", "ctr", ...programs)) return;
  await using registries = await CorpusRegistries.start();
  await using home = await mkdtempDisposable(join(tmpdir(), "tls-"));
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": registries.hub.url },
    tls: [await makeCertificate(home.path)],
    server: { http2: true },
  });
  const { host } = new URL(mirror.url);
  const image = `docker.io/${nameOf(multi)}`;
  const spoken = () => [
    ...new Set(mirror.logLines.filter(({ target }) => target).map(({ http }) => http)),
  ];

  const url = `${mirror.url}/v2/${multi.repository}/manifests/${multi.tags[0]}`;
  const curl = [
    "--silent",
    "--show-error",
    "--fail",
    "--insecure",
    "--write-out",
    "%{http_version}",
  ];
  const manifest = await mustRun(programPath("curl"), [...curl, "--http2", url]);
  await using proxy = await startFrontProxy("caddyOverHttp2", host);
  const copy = ["copy", "--quiet", "--all", "--preserve-digests", "--src-tls-verify=false"];
  await skopeo(...copy, `docker://${proxy.host}/${nameOf(multi)}`, `dir:${home.path}/copy`);
  await using podman = await ContainersHome.withConf("");
  await podman.podman("pull", "--quiet", "--tls-verify=false", `${proxy.host}/${nameOf(multi)}`);
  await using containerd = await Containerd.start({ mirror: proxy.url });
  const hosts = join(home.path, "hosts");
  await mkdir(join(hosts, "docker.io"), { recursive: true });
  const toml = `[host."${proxy.url}"]\n  skip_verify = true\n`;
  await writeFile(join(hosts, "docker.io/hosts.toml"), toml);
  await containerd.useHosts(hosts);
  await containerd.pull(image);
  const before = spoken();
  await skopeo(...copy, `docker://${host}/${nameOf(multi)}`, `dir:${home.path}/direct`);

  assert.equal(manifest, `${multi.image.manifest.bytes}2`);
  for (const copied of ["copy", "direct"]) {
    const bytes = await readFile(join(home.path, copied, "manifest.json"));
    assert.ok(bytes.equals(multi.image.manifest.bytes));
  }
  assert.equal(await containerd.run(image), `${multi.repository}\n`);
  assert.deepEqual(before, [2]);
  assert.deepEqual(spoken(), [2, undefined], "this skopeo asks for HTTP/1.1");
});

test("Go's HTTP/2 takes a stream that was cut for no whole answer", async (t) => {
  if (!haveAll(t, "openssl", "caddy")) return;
  await using hub = await FakeUpstream.start();
  await using home = await mkdtempDisposable(join(tmpdir(), "tls-"));
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    tls: [await makeCertificate(home.path)],
    server: { http2: true },
  });
  await using proxy = await startFrontProxy("caddyOverHttp2", new URL(mirror.url).host);
  const ca = await readFile(proxy.caFile);
  const blob = noiseBlob("cut", 1_000_000);
  const path = `/v2/library/app/blobs/${blob.digest}`;
  hub.override(path, (_request, response) => {
    response.writeHead(200, { "content-length": blob.bytes.length });
    response.end(Buffer.from(blob.bytes).fill(0, 999_999));
  });

  await assert.rejects(ask(`${proxy.url}${path}`, { ca }), /aborted/);
  hub.override(path, null);
  hub.addBlob("library/app", blob);
  assert.ok((await ask(`${proxy.url}${path}`, { ca })).bytes.equals(blob.bytes));
});

test("skopeo, podman and containerd show their client certificates where their configuration has them", async (t) => {
  const programs = ["docker-registry", "openssl", "skopeo", "podman", "containerd", "ctr"] as const;
  if (!haveRoot(t) || !haveAll(t, "runc", ...programs)) return;
  await using registries = await CorpusRegistries.start();
  await using home = await mkdtempDisposable(join(tmpdir(), "tls-"));
  const authority = await makeCertificate(home.path, { prefix: "ca-", subject: "/CN=authority" });
  const server = await makeCertificate(home.path);
  const node = await makeCertificate(home.path, {
    prefix: "node-",
    subject: "/CN=node",
    issuer: authority,
  });
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": registries.hub.url },
    tls: [server],
    server: { clientCertificates: { caFile: authority.certificateFile, required: true } },
  });
  const image = `${new URL(mirror.url).host}/${nameOf(multi)}`;
  const shown = join(home.path, "certs.d");
  await mkdir(shown);
  await copyFile(server.certificateFile, join(shown, "ca.crt"));
  const copy = ["copy", "--quiet", "--src-cert-dir", shown, `docker://${image}`];

  await assert.rejects(skopeo(...copy, `dir:${home.path}/refused`), /403/);
  await copyFile(node.certificateFile, join(shown, "client.cert"));
  await copyFile(node.keyFile, join(shown, "client.key"));
  await skopeo(...copy, `dir:${home.path}/copy`);
  await using podman = await ContainersHome.withConf("");
  await podman.podman("pull", "--quiet", "--cert-dir", shown, image);
  await using containerd = await Containerd.start({ mirror: mirror.url });
  const hosts = join(home.path, "hosts");
  await mkdir(join(hosts, "docker.io"), { recursive: true });
  const toml = `[host."${mirror.url}"]
  ca = "${server.certificateFile}"
  client = [["${node.certificateFile}", "${node.keyFile}"]]
`;
  await writeFile(join(hosts, "docker.io/hosts.toml"), toml);
  await containerd.useHosts(hosts);
  await containerd.pull(`docker.io/${nameOf(multi)}`);

  const users = mirror.logLines.filter(({ status }) => status === 200).map(({ user }) => user);
  assert.ok(users.length > 6);
  assert.deepEqual([...new Set(users)], ["node"]);
});
