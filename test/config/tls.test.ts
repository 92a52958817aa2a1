import assert from "node:assert/strict";
import { copyFile, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type TestContext, test } from "node:test";
import type { CertificateFiles, ClientCertificate, Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { makeCertificate } from "../support/certificate.ts";
import { haveAll, programPath } from "../support/real-program.ts";
import { mustRun } from "../support/run-program.ts";

const canRun = (t: TestContext): boolean => haveAll(t, "openssl");

/** `server.tls` as it is read, or what is wrong with it, with DIR for the directory. */
async function read(
  directory: string,
  yaml: string,
): Promise<readonly CertificateFiles[] | string> {
  try {
    const text = `server:\n  tls: ${yaml}\n`;
    return (await parseConfig({ text, file: "lab.yaml", directory }, {})).server.tls;
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.replaceAll(directory, "DIR");
  }
}

test("a certificate, and a list of them, are paths relative to the file; without them there is no TLS", async (t) => {
  if (!canRun(t)) return;
  await using made = await mkdtempDisposable(join(tmpdir(), "tls-"));
  const { path } = made;
  const files = await makeCertificate(path);
  const one = "{ certificate: certificate.pem, key: key.pem }";

  assert.deepEqual(await read(path, one), [files]);
  assert.deepEqual(await read(path, `[${one}, ${one}]`), [files, files]);
  const { server, admin } = await parseConfig({ text: "", file: "none", directory: path }, {});
  assert.deepEqual([server.tls, admin.tls], [[], []]);
});

test("files that cannot be served with are problems of the configuration, with their place", async (t) => {
  if (!canRun(t)) return;
  await using made = await mkdtempDisposable(join(tmpdir(), "tls-"));
  const { path } = made;
  const { certificateFile, keyFile } = await makeCertificate(path);
  await makeCertificate(path, { prefix: "other-" });
  const whole = await readFile(certificateFile, "utf8");
  await writeFile(join(path, "half.pem"), whole.slice(0, 200));
  await writeFile(join(path, "chain.pem"), `${whole}\n${whole.replace(/\n.{10}/, "\nAAAAAAAAAA")}`);
  await writeFile(join(path, "large.pem"), Buffer.alloc(256 * 1024 + 1, " "));
  await copyFile(keyFile, join(path, "plain.pem"));
  const encrypt = [
    "ec",
    "-aes128",
    "-passout",
    "pass:x",
    "-in",
    keyFile,
    "-out",
    join(path, "locked.pem"),
  ];
  await mustRun(programPath("openssl"), encrypt);
  const table: readonly (readonly [string, string, RegExp])[] = [
    [
      "missing.pem",
      "key.pem",
      /^lab.yaml:2:23 server.tls.certificate: DIR\/missing.pem does not exist$/,
    ],
    [
      "certificate.pem",
      "missing.pem",
      /^lab.yaml:2:\d+ server.tls.key: DIR\/missing.pem does not exist$/,
    ],
    [
      "key.pem",
      "key.pem",
      /server.tls.certificate: DIR\/key.pem does not begin with a PEM certificate; write the/,
    ],
    [
      "half.pem",
      "key.pem",
      /server.tls.certificate: DIR\/half.pem does not begin with a PEM certificate/,
    ],
    ["large.pem", "key.pem", /server.tls.certificate: DIR\/large.pem is larger than 256 KiB/],
    [
      "chain.pem",
      "key.pem",
      /server.tls.certificate: DIR\/chain.pem cannot be served with \(.+\); let it be made anew/,
    ],
    [
      "certificate.pem",
      "certificate.pem",
      /server.tls.key: DIR\/certificate.pem holds no PEM key without a passphrase; write/,
    ],
    [
      "certificate.pem",
      "locked.pem",
      /server.tls.key: DIR\/locked.pem holds no PEM key without a passphrase; write/,
    ],
    [
      "certificate.pem",
      "other-key.pem",
      /server.tls.key: DIR\/other-key.pem is not the key of the certificate in DIR\/certificate.pem; put/,
    ],
  ];

  for (const [certificate, key, problem] of table) {
    assert.match(String(await read(path, `{ certificate: ${certificate}, key: ${key} }`)), problem);
  }
  const second =
    "[{ certificate: certificate.pem, key: key.pem }, { certificate: no.pem, key: key.pem }]";
  assert.match(
    String(await read(path, second)),
    /server.tls\[1\].certificate: DIR\/no.pem does not exist$/,
  );
});

test("a server.tls that lacks a key, has an unknown one or a wrong value is a problem that says what is right", async () => {
  const table: readonly (readonly [string, RegExp])[] = [
    ["[]", /server.tls: names none; write for example \[\{certificate: tls.crt, key: tls.key\}\]/],
    ["{ certificate: a.pem }", /server.tls.key: is missing; write for example tls.key/],
    ["true", /server.tls: /],
    [
      "{ certificate: a.pem, key: b.pem, hsts: true }",
      /server.tls.hsts: unknown key; known here: certificate, key, certificates, http2, clientCa, clientCertificates/,
    ],
    ["{ key: a.pem }", /server.tls.certificate: is missing; write for example tls.crt/],
    ["{ http2: true }", /server.tls.certificate: is missing/],
    [
      "{ certificate: a.pem, key: b.pem, http2: yes please }",
      /server.tls.http2: "yes please" is not true or false; write for example true/,
    ],
  ];

  for (const [yaml, problem] of table) assert.match(String(await read("/nowhere", yaml)), problem);
});

test("a client certificate is read with its key, and what is wrong with the two has its place", async (t) => {
  if (!canRun(t)) return;
  await using made = await mkdtempDisposable(join(tmpdir(), "tls-"));
  const { path } = made;
  const files = await makeCertificate(path);
  await makeCertificate(path, { prefix: "other-" });
  const readClient = async (key: string): Promise<ClientCertificate | null | undefined> => {
    const client = `{ certificate: certificate.pem, key: ${key} }`;
    const text = `upstreams: { x.io: { endpoints: [https://x.io], client: ${client} } }`;
    return (await parseConfig({ text, file: "lab.yaml", directory: path }, {})).upstreams[0]
      ?.client;
  };

  const client = await readClient("key.pem");

  const certificatePem = await readFile(files.certificateFile, "utf8");
  assert.deepEqual(client, {
    ...files,
    certificatePem,
    keyPem: await readFile(files.keyFile, "utf8"),
  });
  await assert.rejects(
    readClient("other-key.pem"),
    /upstreams.x.io.client.key: .*other-key.pem is not the key of the certificate in/,
  );
});

test("a client certificate that cannot be used when it is read again leaves that of before, and refuses the configuration where there was none", async () => {
  const client = "{ certificate: certificate.pem, key: key.pem }";
  const text = `upstreams: { x.io: { endpoints: [https://x.io], client: ${client} } }`;
  const shown = { certificatePem: "shown", keyPem: "its key" };
  const old = { certificateFile: "/old/certificate.pem", keyFile: "/old/key.pem", ...shown };
  const readBeside = async (used: ClientCertificate | null): Promise<Config> => {
    const upstreams = [{ name: "x.io", caPem: null, client: used }];
    const written = { text, file: "lab.yaml", directory: "/nowhere", certificates: { upstreams } };
    return await parseConfig(written, {});
  };

  const kept = (await readBeside(old)).upstreams[0]?.client;

  const files = { certificateFile: "/nowhere/certificate.pem", keyFile: "/nowhere/key.pem" };
  assert.deepEqual(kept, { ...files, ...shown }, "the new files are those to look at");
  await assert.rejects(
    readBeside(null),
    /upstreams.x.io.client.certificate: \/nowhere\/certificate.pem does not exist/,
  );
});

test("authorities of client certificates are read, and without them nobody is asked for one", async (t) => {
  if (!canRun(t)) return;
  await using made = await mkdtempDisposable(join(tmpdir(), "tls-"));
  const { path } = made;
  await makeCertificate(path);
  const readServer = async (more: string): Promise<Config["server"]> => {
    const text = `server: { tls: { certificate: certificate.pem, key: key.pem, ${more} } }`;
    return (await parseConfig({ text, file: "lab.yaml", directory: path }, {})).server;
  };
  const caFile = join(path, "certificate.pem");
  const clientCa = "clientCa: certificate.pem";

  assert.equal((await readServer("")).clientCertificates, null);
  assert.deepEqual((await readServer(clientCa)).clientCertificates, { caFile, required: true });
  assert.deepEqual(
    (await readServer(`${clientCa}, clientCertificates: optional`)).clientCertificates,
    { caFile, required: false },
  );
  await assert.rejects(
    readServer("clientCertificates: optional"),
    /server.tls.clientCertificates: says nothing without clientCa; write for example/,
  );
  await assert.rejects(readServer("clientCa: key.pem"), /clientCa: .* holds no PEM certificate/);
  await assert.rejects(
    readServer(`${clientCa}, clientCertificates: maybe`),
    /"maybe" is not required or optional; write for example optional/,
  );
});
