import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { test } from "node:test";
import type { OutboundProxy as ProxySetting, UpstreamConfig } from "../../src/config/config.ts";
import { parseReference } from "../../src/oci/reference.ts";
import type { Repository } from "../../src/oci/repository.ts";
import { configuredUpstreams, configureOne } from "../support/configured-upstream.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob } from "../support/images.ts";
import { NginxTls } from "../support/nginx-tls.ts";
import { OutboundProxy } from "../support/outbound-proxy.ts";
import { patient } from "../support/patience.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("outbound proxy", 10);
const path = `/v2/library/app/manifests/${image.manifest.digest}`;

test("with proxy set, an http endpoint is asked through it in absolute form", async () => {
  await using lab = await Lab.start();
  await using mirror = await lab.mirror({ kind: "url", url: new URL(lab.proxy.url) });

  const answer = await mirror.get(path);

  assert.deepEqual(answer.body, image.manifest.bytes);
  assert.deepEqual(lab.proxy.requests, [`GET ${lab.hub.url}${path}`]);
  assert.equal(lab.hub.requests[0]?.headers.host, new URL(lab.hub.url).host);
});

test("the proxy's name and password go to the proxy alone", async () => {
  await using lab = await Lab.start();
  const url = new URL(lab.proxy.url);
  url.username = "me";
  url.password = "p@ss";
  await using mirror = await lab.mirror({ kind: "url", url });

  assert.equal((await mirror.get(path)).status, 200);

  const expected = `Basic ${Buffer.from("me:p@ss").toString("base64")}`;
  assert.equal(lab.proxy.authorization, expected);
  assert.equal(lab.hub.requests[0]?.headers["proxy-authorization"], undefined);
});

test("redirects and token servers are asked through the proxy too", async () => {
  await using lab = await Lab.start({ tokens: true });
  await using storage = await FakeUpstream.start();
  const blob = noiseBlob("behind a proxy", 1000);
  storage.override("/stored", (_, response) => void response.writeHead(200).end(blob.bytes));
  await using mirror = await lab.mirror({ kind: "url", url: new URL(lab.proxy.url) });
  assert.equal((await mirror.get(path)).status, 200);
  lab.hub.override(`/v2/library/app/blobs/${blob.digest}`, (_, response) => {
    response.writeHead(307, { location: `${storage.url}/stored` }).end();
  });

  const answer = await mirror.get(`/v2/library/app/blobs/${blob.digest}`);

  assert.deepEqual(answer.body, blob.bytes);
  assert.equal(lab.proxy.requests.length, lab.hub.requests.length + storage.requests.length);
  assert.equal(lab.proxy.requests.at(-1), `GET ${storage.url}/stored`);
});

test("many blobs come through the proxy side by side", async () => {
  await using lab = await Lab.start();
  await using mirror = await lab.mirror({ kind: "url", url: new URL(lab.proxy.url) });
  const blobs = Array.from({ length: 4 }, (_, at) => noiseBlob(`side by side ${at}`, 200_000));
  for (const blob of blobs) lab.hub.addBlob("library/app", blob);
  const release = blobs.map(({ digest }) => lab.hub.hold("library/app", digest, 100_000));
  const pulls = blobs.map(({ digest }) => mirror.open(`/v2/library/app/blobs/${digest}`));

  // Each has its first half while none has ended.
  for (const pull of pulls) await pull.when(({ body }) => body.length > 0);
  for (const go of release) go();

  for (const [at, pull] of pulls.entries()) {
    assert.deepEqual((await pull.end()).body, blobs[at]?.bytes);
  }
});

test("the timeouts hold through a proxy as they do without", async () => {
  await using lab = await Lab.start();
  const proxy = { kind: "url", url: new URL(lab.proxy.url) } as const;
  const headers = { timeouts: { ...patient, headersMs: 300 } };
  const body = { timeouts: { ...patient, bodyIdleMs: 300 } };
  await using mirror = await lab.mirror(proxy, headers);
  await using other = await lab.mirror(proxy, body);
  lab.hub.override("/v2/library/app/tags/list", () => {});

  const answer = await mirror.get("/v2/library/app/tags/list");

  assert.equal(answer.status, 504);
  assert.equal(JSON.parse(answer.body.toString()).errors[0].detail.phase, "headers");

  lab.hub.override("/v2/library/app/tags/list", (_, response) => {
    response.writeHead(200, { "content-type": "application/json" }).write('{"tags":');
  });
  const stopped = await other.get("/v2/library/app/tags/list");
  assert.equal(stopped.status, 504);
  assert.equal(JSON.parse(stopped.body.toString()).errors[0].detail.phase, "body");
});

test("a proxy that refuses connections, or the request, is the reason that is told", async (t) => {
  await using lab = await Lab.start();

  await t.test("it is gone", async () => {
    const gone = await OutboundProxy.start();
    const url = new URL(gone.url);
    await gone[Symbol.asyncDispose]();
    await using mirror = await lab.mirror({ kind: "url", url });

    const answer = await mirror.get(path);

    assert.equal(answer.status, 502);
    assert.match(answer.body.toString(), /ECONNREFUSED/);
    assert.equal(lab.hub.requests.length, 0);
  });

  await t.test("it wants a password", async () => {
    await using strict = await FakeUpstream.start();
    strict.override(`${lab.hub.url}${path}`, (_, response) => {
      response.writeHead(407, { "proxy-authenticate": "Basic" }).end();
    });
    await using mirror = await lab.mirror({ kind: "url", url: new URL(strict.url) });

    const answer = await mirror.get(path);

    assert.equal(answer.status, 502);
    assert.match(answer.body.toString(), /407/);
  });
});

interface EnvironmentCase {
  readonly what: string;
  readonly setting?: ProxySetting;
  /** "PROXY" stands for the proxy's URL, "HUB" for the endpoint's host and port. */
  readonly env: Readonly<Record<string, string>>;
  readonly through: boolean;
}

const environment = { kind: "environment" } as const;
const environments: readonly EnvironmentCase[] = [
  { what: "HTTP_PROXY", env: { HTTP_PROXY: "PROXY" }, through: true },
  { what: "http_proxy", env: { http_proxy: "PROXY" }, through: true },
  {
    what: "http_proxy before HTTP_PROXY",
    env: { http_proxy: "PROXY", HTTP_PROXY: "http://127.0.0.1:1" },
    through: true,
  },
  { what: "HTTPS_PROXY alone, for http", env: { HTTPS_PROXY: "PROXY" }, through: false },
  { what: "nothing", env: {}, through: false },
  { what: "an empty HTTP_PROXY", env: { HTTP_PROXY: "" }, through: false },
  {
    what: "NO_PROXY with the host",
    env: { HTTP_PROXY: "PROXY", NO_PROXY: "localhost,127.0.0.1" },
    through: false,
  },
  {
    what: "no_proxy with host and port",
    env: { HTTP_PROXY: "PROXY", no_proxy: "HUB" },
    through: false,
  },
  {
    what: "NO_PROXY with another port",
    env: { HTTP_PROXY: "PROXY", NO_PROXY: "127.0.0.1:1" },
    through: true,
  },
  {
    what: "NO_PROXY with everything",
    env: { HTTP_PROXY: "PROXY", NO_PROXY: "*" },
    through: false,
  },
  {
    what: "NO_PROXY with another host",
    env: { HTTP_PROXY: "PROXY", NO_PROXY: "example.com" },
    through: true,
  },
  {
    what: "direct, whatever the environment says",
    setting: { kind: "direct" },
    env: { HTTP_PROXY: "PROXY" },
    through: false,
  },
];

test("the environment's proxy counts unless the configuration says otherwise", async (t) => {
  await using lab = await Lab.start();
  const { host } = new URL(lab.hub.url);
  for (const { what, setting = environment, env, through } of environments) {
    await t.test(`${what}: ${through ? "through the proxy" : "direct"}`, async () => {
      const before = lab.proxy.requests.length;
      const filled = Object.entries(env).map(([name, value]) => [
        name,
        value.replace("PROXY", lab.proxy.url).replace("HUB", host),
      ]);
      await using upstreams = await lab.upstreams(setting, Object.fromEntries(filled));

      const manifest = await upstreams.pull();

      assert.deepEqual(manifest, image.manifest.bytes);
      assert.equal(lab.proxy.requests.length - before, through ? 1 : 0);
    });
  }
});

test("a proxy of the configuration counts whatever NO_PROXY says", async () => {
  await using lab = await Lab.start();
  const setting = { kind: "url", url: new URL(lab.proxy.url) } as const;
  await using upstreams = await lab.upstreams(setting, { NO_PROXY: "*" });

  assert.deepEqual(await upstreams.pull(), image.manifest.bytes);
  assert.equal(lab.proxy.requests.length, 1);
});

test("the environment of this process is not read behind the daemon's back", async () => {
  await using lab = await Lab.start();
  const before = { HTTP_PROXY: process.env["HTTP_PROXY"], NO_PROXY: process.env["NO_PROXY"] };
  process.env["HTTP_PROXY"] = "http://127.0.0.1:1";
  process.env["NO_PROXY"] = "";
  try {
    await using upstreams = await lab.upstreams(environment, {});
    assert.deepEqual(await upstreams.pull(), image.manifest.bytes);
  } finally {
    for (const [name, value] of Object.entries(before)) {
      if (value === undefined) delete process.env[name];
      else process.env[name] = value;
    }
  }
});

test("an https endpoint is asked through a tunnel, its certificate checked behind it", async (t) => {
  if (!haveAll(t, "nginx", "openssl")) return;
  await using lab = await Lab.start();
  await using tls = await NginxTls.start({ before: lab.hub.url });
  const caPem = await readFile(tls.caFile, "utf8");
  const endpoints = [new URL(tls.url)];
  const setting = { kind: "url", url: new URL(lab.proxy.url) } as const;
  await using mirror = await lab.mirror(setting, { endpoints, caPem });
  await using distrusting = await lab.mirror(setting, { endpoints });

  const answer = await mirror.get(path);
  const distrusted = await distrusting.get(path);

  assert.deepEqual(answer.body, image.manifest.bytes);
  assert.equal(lab.proxy.requests[0], `CONNECT ${new URL(tls.url).host}`);
  assert.equal(distrusted.status, 502);
  assert.equal(lab.hub.requests.length, 1);
});

/** A registry, and a proxy in front of whoever is told to use it. */
class Lab implements AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly proxy: OutboundProxy;

  private constructor(hub: FakeUpstream, proxy: OutboundProxy) {
    this.hub = hub;
    this.proxy = proxy;
  }

  static async start(options: { readonly tokens?: boolean } = {}): Promise<Lab> {
    const hub = await FakeUpstream.start(options);
    hub.addImage("library/app", "1", image);
    return new Lab(hub, await OutboundProxy.start());
  }

  mirror(proxy: ProxySetting, settings: Partial<UpstreamConfig> = {}): Promise<TestMirror> {
    return TestMirror.start({
      upstreams: { "docker.io": this.hub },
      settings: { "docker.io": { ...settings, proxy } },
    });
  }

  /** What the daemon builds of its configuration and environment. */
  async upstreams(
    proxy: ProxySetting,
    env: Readonly<Record<string, string>>,
  ): Promise<AsyncDisposable & { pull(): Promise<Buffer | undefined> }> {
    const configured = configuredUpstreams(env);
    const endpoints = [new URL(this.hub.url)];
    const upstream = configureOne(configured, { name: "docker.io", endpoints, proxy });
    const place = { repository: "library/app" as Repository, via: "", login: null };
    const reference = parseReference(image.manifest.digest);
    assert.ok(reference);
    return {
      pull: async () => (await upstream.getManifest(place, reference))?.bytes,
      [Symbol.asyncDispose]: () => configured[Symbol.asyncDispose](),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.proxy[Symbol.asyncDispose]();
    await this.hub[Symbol.asyncDispose]();
  }
}
