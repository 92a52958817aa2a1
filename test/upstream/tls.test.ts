import assert from "node:assert/strict";
import { copyFile, mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { type TestContext, test } from "node:test";
import type { TlsOptions } from "node:tls";
import type { ClientCertificate, UpstreamConfig } from "../../src/config/config.ts";
import {
  type Certificate,
  type CertificateOptions,
  makeCertificate,
} from "../support/certificate.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, noiseBlob } from "../support/images.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { TlsFront } from "../support/tls-front.ts";

const canRun = (t: TestContext): boolean => haveAll(t, "openssl");

interface Case {
  readonly certificate?: CertificateOptions;
  readonly server?: TlsOptions;
  /** Whether the mirror believes the certificate's authority; it does unless this says otherwise. */
  readonly believed?: false;
  /** What clients are told behind "docker.io cannot be reached: ", with HOST for the endpoint; null: all is well. */
  readonly told: RegExp | null;
}

const anyCipher = "ALL:COMPLEMENTOFALL@SECLEVEL=0";

const cases: Readonly<Record<string, Case>> = {
  "for its address": { told: null },
  "that has expired": {
    certificate: { validity: ["20200101000000Z", "20210101000000Z"] },
    told: /^the certificate of HOST has expired by this machine's clock \(CERT_HAS_EXPIRED\); look at that clock first; if it is right, the registry needs a new certificate$/,
  },
  "that is not valid yet": {
    certificate: { validity: ["20900101000000Z", "20990101000000Z"] },
    told: /^the certificate of HOST is not valid yet by this machine's clock \(CERT_NOT_YET_VALID\); look at that clock/,
  },
  "that signs itself": {
    believed: false,
    told: /^the certificate of HOST is signed by an authority that is not believed \(DEPTH_ZERO_SELF_SIGNED_CERT\); if it is yours, the file that the upstream's caFile names has to hold/,
  },
  "for another host": {
    certificate: { names: ["DNS:other.test"] },
    told: /^the certificate of HOST is for other names \(ERR_TLS_CERT_ALTNAME_INVALID\); write one of its names in the upstream's endpoints: openssl s_client -connect HOST shows them/,
  },
  "for a wildcard that its address only looks like": {
    certificate: { names: ["DNS:*.0.0.1"] },
    told: /^the certificate of HOST is for other names/,
  },
  "with nothing but a CN": {
    certificate: { names: [] },
    told: /^the certificate of HOST is for other names .* a name that is only its CN does not count$/,
  },
  "with a key that is too weak": {
    certificate: { rsaBits: 1024 },
    server: { ciphers: anyCipher },
    told: /^the certificate of HOST is not believed \(UNSPECIFIED\); openssl s_client -connect HOST shows it/,
  },
  "over TLS 1.1": {
    server: { minVersion: "TLSv1", maxVersion: "TLSv1.1", ciphers: anyCipher },
    told: /^HOST speaks no TLS that is safe \(ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION\); the registry has to speak/,
  },
  "with a cipher that hides nothing": {
    server: { maxVersion: "TLSv1.2", ciphers: "ECDHE-ECDSA-NULL-SHA@SECLEVEL=0" },
    told: /^HOST ended the handshake of TLS \(ERR_SSL_SSL\/TLS_ALERT_HANDSHAKE_FAILURE\); it may want a client certificate \(the upstream's client\), or/,
  },
};

for (const [name, { certificate, server, believed = true, told }] of Object.entries(cases)) {
  const ends = told === null ? "is pulled from" : "is never spoken to, and clients are told why";
  test(`an upstream with a certificate ${name} ${ends}`, async (t) => {
    if (!canRun(t)) return;
    await using made = await mkdtempDisposable(`${tmpdir()}/tls-`);
    await using hub = await FakeUpstream.start();
    const files = await makeCertificate(made.path, certificate);
    await using front = await TlsFront.start(hub.url, files, server);
    hub.addImage("library/app", "v1", imageOfSize(name, 1000));
    const caPem = believed ? await readFile(files.certificateFile, "utf8") : null;
    await using mirror = await TestMirror.start({
      upstreams: { "docker.io": front.url },
      settings: { "docker.io": { caPem } },
    });

    const answer = await mirror.get("/v2/library/app/tags/list");

    if (told === null) return assert.equal(answer.status, 200);
    const line = mirror.logLines.find(({ target }) => String(target).includes("/tags/"));
    assert.equal(answer.status, 502);
    assert.equal(hub.requests.length, 0, "nothing was asked without TLS");
    const { message } = JSON.parse(answer.body.toString()).errors[0];
    const words = String(message).replaceAll(new URL(front.url).host, "HOST");
    assert.match(words.replace("docker.io cannot be reached: ", ""), told);
    assert.equal(line?.["reason"], message);
  });
}

test("what one upstream's authority signs is not believed of another", async (t) => {
  if (!canRun(t)) return;
  await using scene = await twoUpstreams();
  const { mirror, blob, certificate } = scene;
  const caPem = await readFile(certificate.certificateFile, "utf8");

  mirror.reload(scene.upstreams, { "docker.io": { caPem } });
  const own = await mirror.get(`/v2/library/app/blobs/${blob.digest}`);
  const other = await mirror.get("/v2/ghcr.io/library/app/tags/list");

  assert.equal(own.status, 200);
  assert.match(other.body.toString(), /signed by an authority that is not believed/);
});

test("a session with one upstream is not resumed with another under the same address", async (t) => {
  if (!canRun(t)) return;
  await using scene = await twoUpstreams();
  const { mirror, blob, certificate, fronts } = scene;
  const caPem = await readFile(certificate.certificateFile, "utf8");
  mirror.reload(scene.upstreams, { "docker.io": { caPem }, "ghcr.io": { caPem } });

  for (const prefix of ["", "", "ghcr.io/", "ghcr.io/"])
    await mirror.get(`/v2/${prefix}library/app/tags/list`);
  await mirror.get(`/v2/library/app/blobs/${blob.digest}`);

  const [, other] = fronts;
  assert.equal(other.seen[0]?.resumed, false);
});

test("an upstream that asks for a certificate is shown ours, as it is in its files, and no other place is", async (t) => {
  if (!canRun(t)) return;
  await using made = await mkdtempDisposable(`${tmpdir()}/tls-`);
  await using hub = await FakeUpstream.start();
  const server = await makeCertificate(made.path);
  const authority = await makeCertificate(made.path, { prefix: "ca-", subject: "/CN=authority" });
  const own = await makeCertificate(made.path, clientOptions("mirror", authority));
  const asking = {
    requestCert: true,
    rejectUnauthorized: false,
    ca: await readFile(authority.certificateFile),
  } satisfies TlsOptions;
  await using front = await TlsFront.start(hub.url, server, asking);
  await using storage = await TlsFront.start(hub.url, server, asking);
  const [blob, another] = [noiseBlob("one", 1000), noiseBlob("another", 1000)];
  for (const one of [blob, another]) hub.addBlob("library/app", one);
  hub.override(`/v2/library/app/blobs/${another.digest}`, (request, response) => {
    // The storage is at the same address, so that only the port tells it from the endpoint.
    const there = `${storage.url}/v2/library/other/blobs/${another.digest}`;
    response.writeHead(307, { location: there }).end(request.method === "HEAD" ? "" : "there");
  });
  hub.addBlob("library/other", another);
  const settings: Partial<UpstreamConfig> = {
    caPem: await readFile(server.certificateFile, "utf8"),
    client: await clientOf(own),
  };
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": front.url },
    settings: { "docker.io": settings },
  });

  const answer = await mirror.get(`/v2/library/app/blobs/${blob.digest}`);
  const redirected = await mirror.get(`/v2/library/app/blobs/${another.digest}`);

  assert.deepEqual([answer.status, redirected.status], [200, 200]);
  assert.ok(front.seen.every(({ client }) => client === "mirror"));
  assert.deepEqual(storage.seen, [{ client: null, resumed: false }]);
});

test("an upstream that wants a certificate which is not ours says so in words", async (t) => {
  if (!canRun(t)) return;
  await using made = await mkdtempDisposable(`${tmpdir()}/tls-`);
  await using hub = await FakeUpstream.start();
  const server = await makeCertificate(made.path);
  const authority = await makeCertificate(made.path, { prefix: "ca-" });
  await using front = await TlsFront.start(hub.url, server, {
    requestCert: true,
    rejectUnauthorized: true,
    maxVersion: "TLSv1.2",
    ca: await readFile(authority.certificateFile),
  });
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": front.url },
    settings: { "docker.io": { caPem: await readFile(server.certificateFile, "utf8") } },
  });

  const { status, body } = await mirror.get("/v2/library/app/manifests/latest");

  assert.equal(status, 502);
  assert.match(body.toString(), /it may want a client certificate \(the upstream's client\)/);
});

test("a client certificate whose files change is shown to the next connection, unless it cannot be used", async (t) => {
  if (!canRun(t)) return;
  await using made = await mkdtempDisposable(`${tmpdir()}/tls-`);
  await using hub = await FakeUpstream.start();
  const server = await makeCertificate(made.path);
  const authority = await makeCertificate(made.path, { prefix: "ca-" });
  const own = await makeCertificate(made.path, clientOptions("old", authority));
  const next = await makeCertificate(made.path, clientOptions("new", authority));
  await using front = await TlsFront.start(hub.url, server, {
    requestCert: true,
    ca: await readFile(authority.certificateFile),
  });
  const settings = {
    caPem: await readFile(server.certificateFile, "utf8"),
    client: await clientOf(own),
  };
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": front.url },
    settings: { "docker.io": settings },
  });
  const shown = async (): Promise<string | null | undefined> => {
    await mirror.get("/v2/library/app/tags/list");
    return front.seen.at(-1)?.client;
  };
  assert.equal(await shown(), "old");

  await copyFile(next.certificateFile, own.certificateFile);
  mirror.reload({ "docker.io": front.url });
  await eventually("the log says what is wrong", () => {
    return mirror.logLines.some(({ problem }) =>
      /is not the key of the certificate in .*put the two/.test(String(problem)),
    );
  });
  assert.equal(await shown(), "old");
  assert.equal(await unusable(mirror), 1);
  mirror.reload({ "docker.io": front.url }, { "docker.io": { ...settings, caIsKept: true } });
  await eventually("authorities count too", async () => (await unusable(mirror)) === 2);

  await copyFile(next.keyFile, own.keyFile);
  mirror.reload({ "docker.io": front.url });
  await eventually("the new one is shown", async () => (await shown()) === "new");
  assert.equal(await unusable(mirror), 0);
});

async function unusable(mirror: TestMirror): Promise<number> {
  const text = (await mirror.admin("/metrics")).body.toString();
  return Number(/^sluice_certificates_unusable\{upstream="docker.io"\} (\d+)$/m.exec(text)?.[1]);
}

interface TwoUpstreams extends AsyncDisposable {
  readonly mirror: TestMirror;
  readonly upstreams: Readonly<Record<string, string>>;
  readonly fronts: readonly [TlsFront, TlsFront];
  readonly certificate: Certificate;
  readonly blob: ReturnType<typeof noiseBlob>;
}

/** Two upstreams with one certificate, and a mirror that believes nobody. */
async function twoUpstreams(): Promise<TwoUpstreams> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await mkdtempDisposable(`${tmpdir()}/tls-`));
  const hub = stack.use(await FakeUpstream.start());
  const certificate = await makeCertificate(path);
  const fronts = [
    stack.use(await TlsFront.start(hub.url, certificate)),
    stack.use(await TlsFront.start(hub.url, certificate)),
  ] as const;
  const blob = noiseBlob("blob", 1000);
  hub.addBlob("library/app", blob);
  const upstreams = { "docker.io": fronts[0].url, "ghcr.io": fronts[1].url };
  const mirror = stack.use(await TestMirror.start({ upstreams }));
  const owned = stack.move();
  return {
    mirror,
    upstreams,
    fronts,
    certificate,
    blob,
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

function clientOptions(name: string, issuer: Certificate): CertificateOptions {
  return { prefix: `${name}-`, subject: `/CN=${name}`, issuer };
}

async function clientOf(files: Certificate): Promise<ClientCertificate> {
  const { certificateFile, keyFile } = files;
  return {
    ...files,
    certificatePem: await readFile(certificateFile, "utf8"),
    keyPem: await readFile(keyFile, "utf8"),
  };
}
