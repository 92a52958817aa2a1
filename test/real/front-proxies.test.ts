import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ArrivingBody } from "../support/arriving-body.ts";
import { type Answer, ask, type Question } from "../support/ask.ts";
import { Containerd } from "../support/containerd.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { ghcrCorpus, hubCorpus, nameOf } from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { Dockerd } from "../support/dockerd.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { frontProxies, startFrontProxy } from "../support/front-proxies.ts";
import { HoldingRelay } from "../support/holding-relay.ts";
import { noiseBlob } from "../support/images.ts";
import { pushBlob } from "../support/push.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { skopeo } from "../support/skopeo.ts";
import { runSluice, SluiceProcess } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";
import { TestMirror } from "../support/test-mirror.ts";

const { multi } = hubCorpus;
const { zstd } = ghcrCorpus;

for (const name of ["nginx", "caddy"] as const) {
  const { program } = frontProxies[name];

  test(`clients pull through ${name} by their own ways, with what client-config prints for TLS`, async (t) => {
    const clients = ["skopeo", "podman", "containerd", "ctr", "dockerd", "docker", "runc"] as const;
    if (!haveRoot(t) || !haveAll(t, "docker-registry", "openssl", program, ...clients)) return;
    await using registries = await CorpusRegistries.start();
    await using mirror = await SluiceProcess.start({ upstreams: registries.upstreams });
    await using proxy = await startFrontProxy(name, mirror.host);
    await using home = await mkdtempDisposable(join(tmpdir(), "tls-clients-"));

    const trust = join(home.path, "trust");
    await mkdir(trust);
    await copyFile(proxy.caFile, join(trust, "ca.crt"));
    const flags = ["--quiet", "--all", "--preserve-digests", "--src-cert-dir", trust];
    const image = `docker://${proxy.host}/${nameOf(multi)}`;
    await skopeo("copy", ...flags, image, `dir:${home.path}/copy`);

    await writeFor("podman");
    const conf = join(home.path, "etc/containers/registries.conf.d/sluice.conf");
    await using podman = await ContainersHome.withConf(await readFile(conf, "utf8"));
    await podman.podman("pull", "--quiet", `docker.io/${nameOf(multi)}`, `ghcr.io/${nameOf(zstd)}`);
    assert.equal(await podman.run(`ghcr.io/${nameOf(zstd)}`), `${zstd.repository}\n`);

    await writeFor("containerd");
    await using containerd = await Containerd.start({ mirror: mirror.url });
    await containerd.useHosts(join(home.path, "etc/containerd/certs.d"));
    await containerd.pull(`docker.io/${nameOf(multi)}`);
    await containerd.pull(`ghcr.io/${nameOf(zstd)}`);
    assert.equal(await containerd.run(`ghcr.io/${nameOf(zstd)}`), `${zstd.repository}\n`);

    await writeFor("docker");
    await using dockerd = await Dockerd.start({
      configFile: join(home.path, "etc/docker/daemon.json"),
    });
    await dockerd.docker("pull", nameOf(multi));
    assert.equal(await dockerd.run(nameOf(multi)), `${multi.repository}\n`);

    async function writeFor(client: string): Promise<void> {
      const reached = ["--address", proxy.url, "--skip-verify", "--write", home.path];
      const config = ["--config", mirror.configFile];
      const { code, stderr } = await runSluice(["client-config", client, ...config, ...reached]);
      assert.equal(code, 0, stderr);
    }
  });

  test(`the mirror sees through ${name} who asks, whatever they write themselves`, async (t) => {
    if (!haveAll(t, "openssl", program)) return;
    await using hub = await FakeUpstream.start();
    const proxies = { address: "127.0.0.1", prefixBits: 32, family: "ipv4" } as const;
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": hub },
      server: { trustedProxies: [proxies] },
    });
    await using proxy = await startFrontProxy(name, new URL(mirror.url).host);
    const ca = await readFile(proxy.caFile);
    const headers = { "x-forwarded-for": "203.0.113.5, \u00ff<b>" };

    const { status } = await ask(`${proxy.url}/v2/`, { ca, headers, from: "127.0.0.2" });

    assert.equal(status, 200);
    const line = mirror.logLines.find(({ target }) => target === "/v2/");
    assert.equal(line?.["client"], "127.0.0.2");
  });

  test(`what the mirror answers comes through ${name} as it is`, async (t) => {
    if (!haveAll(t, "docker-registry", "openssl", program)) return;
    const blob = noiseBlob("through a proxy", 3 * 1024 * 1024);
    await using hub = await DockerRegistry.start();
    await using ghcr = await DockerRegistry.start();
    await pushBlob(hub.url, "library/app", blob);
    await pushBlob(ghcr.url, "owner/app", blob);
    const { "docker.io": dockerHub, "ghcr.io": other } = standIns(hub, ghcr);
    const named = { ...(other as object), hosts: ["ghcr.test:81"] };
    const upstreams = { "docker.io": dockerHub, "ghcr.io": named };
    await using mirror = await SluiceProcess.start({ upstreams });
    await using proxy = await startFrontProxy(name, mirror.host);
    const ca = await readFile(proxy.caFile);
    const through = (path: string, question: Question = {}): Promise<Answer> =>
      ask(`${proxy.url}${path}`, { ...question, ca });

    const ways: [string, Question][] = [
      [`/v2/app/blobs/${blob.digest}`, {}],
      [`/v2/owner/app/blobs/${blob.digest}?ns=ghcr.io`, {}],
      [`/v2/ghcr.io/owner/app/blobs/${blob.digest}`, {}],
      [`/ghcr.io/v2/owner/app/blobs/${blob.digest}`, {}],
      [`/v2/owner/app/blobs/${blob.digest}`, { headers: { host: "ghcr.test:81" } }],
      [`/v2/app/blobs/${blob.digest}`, { method: "HEAD" }],
      [`/v2/app/blobs/${blob.digest}`, { headers: { range: "bytes=1000-2999999" } }],
      [`/v2/app/blobs/${blob.digest}`, { headers: { range: "bytes=0-9,100-199" } }],
      [`/v2/app/blobs/${blob.digest}`, { headers: { "if-none-match": `"${blob.digest}"` } }],
      [`/v2/app/blobs/${blob.digest}`, { headers: { "accept-encoding": "gzip, zstd" } }],
      [
        `/v2/app/blobs/${blob.digest}`,
        { headers: { authorization: `Bearer ${"x".repeat(12_000)}` } },
      ],
      ["/v2/app/manifests/none", {}],
      ["/v2/app/blobs/sha256:1", {}],
      ["/v2/quay.io/owner/app/manifests/1", {}],
      ["/v2/library//app/manifests/1", {}],
      ["/v2/..%2fapp/manifests/1", {}],
      ["/v2/app/blobs/uploads/", { method: "POST", body: Buffer.alloc(100_000) }],
      ["/readyz", {}],
    ];
    // Until it is stored, its headers say so.
    for (const [path] of ways.slice(0, 2)) {
      await eventually("it is stored", async () => {
        const { headers } = await ask(`${mirror.url}${path}`);
        return headers["cache-status"] === "sluice; hit";
      });
    }
    for (const [path, question] of ways) {
      const direct = await ask(`${mirror.url}${path}`, question);
      const proxied = await through(path, question);
      const told = `${question.method ?? "GET"} ${path} ${JSON.stringify(question.headers ?? {}).slice(0, 60)}`;

      assert.equal(proxied.status, direct.status, told);
      // A 304 need not say again of what kind its content is.
      const counted = whatCounts.slice(direct.status === 304 ? 1 : 0);
      for (const header of counted) {
        assert.equal(timeless(proxied, header), timeless(direct, header), `${told}: ${header}`);
      }
      assert.ok(sameBody(proxied, direct), `the body of ${told}`);
    }
  });

  test(`${name} passes the first bytes of a cold blob on while the rest is still upstream, by HTTP/1.1 and HTTP/2`, async (t) => {
    if (!haveAll(t, "docker-registry", "openssl", program)) return;
    await using hub = await DockerRegistry.start();
    for (const by of ["byHttp1", "byHttp2"] as const) {
      const blob = noiseBlob(`cold through ${name} ${by}`, 8 * 1024 * 1024);
      await pushBlob(hub.url, "library/app", blob);
      await using relay = await HoldingRelay.start({ port: hub.port, holdAfterBytes: 1024 * 1024 });
      await using mirror = await SluiceProcess.start({ upstreams: standIns(relay) });
      await using proxy = await startFrontProxy(name, mirror.host);

      using body = await ArrivingBody[by](proxy, `/v2/app/blobs/${blob.digest}`);
      await relay.holding();
      // A megabyte has come from upstream, of which the mirror holds 32 KiB back.
      const early = await body.atLeast(512 * 1024);
      relay.release();

      assert.ok(early < blob.bytes.length);
      assert.equal(await body.digest(), blob.digest);
    }
  });
}

// Not `date` and what is about the one connection.
const whatCounts = [
  ...[
    "content-type",
    "content-length",
    "content-range",
    "content-encoding",
    "accept-ranges",
    "etag",
  ],
  ...["docker-content-digest", "docker-distribution-api-version", "cache-status", "oci-namespace"],
  ...["allow", "location", "www-authenticate", "retry-after", "link"],
];

// A boundary of parts is another one for each answer.
function timeless({ headers }: Answer, name: string): string | undefined {
  return headers[name]?.toString().replace(/boundary=\S+/, "boundary=");
}

function sameBody(one: Answer, other: Answer): boolean {
  if (/multipart/.test(one.headers["content-type"] ?? "")) {
    return one.bytes.length === other.bytes.length;
  }
  return one.bytes.equals(other.bytes);
}
