import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { checkClients } from "../../src/doctor/clients-check.ts";
import { collected } from "../../src/doctor/collected.ts";
import { checkOwnCertificates } from "../../src/doctor/own-certificates-check.ts";
import { makeCertificate } from "../support/certificate.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { configWith } from "./examined.ts";

test("the doctor asks a listener with TLS over TLS, and says how long certificates are good and what ails them", async (t) => {
  if (!haveAll(t, "openssl")) return;
  await using directory = await mkdtempDisposable(join(tmpdir(), "tls-"));
  const { certificateFile, keyFile } = await makeCertificate(directory.path, { days: 30 });
  const tls = { certificate: certificateFile, key: keyFile };
  const upstreams = { "docker.io": "http://127.0.0.1:1" };
  const endpoints = { "docker.io": { endpoints: [upstreams["docker.io"]], default: true } };
  const config = await configWith({ server: { tls }, admin: { tls: [tls] }, upstreams: endpoints });
  await using mirror = await TestMirror.start({ upstreams, tls: config.server.tls });
  const { address: listening } = mirror.daemon;

  const clients = await collected(
    "clients",
    60_000,
    checkClients({ config, listening, stepLimitMs: 30_000 }),
  );
  const own = await foundIn(0);
  const soon = await foundIn(20);
  await writeFile(keyFile, "half");
  const bad = await foundIn(0);

  assert.deepEqual(
    clients.filter(({ verdict }) => verdict === "fail"),
    [],
  );
  assert.deepEqual(
    own.map(({ subject, verdict }) => [subject, verdict]),
    [
      ["server.tls", "ok"],
      ["admin.tls", "ok"],
    ],
  );
  assert.match(
    own[0]?.found ?? "",
    /^the certificate for ghcr.test is good until \d{4}-\d\d-\d\d$/,
  );
  assert.deepEqual(
    soon.map(({ verdict }) => verdict),
    ["warn", "warn"],
  );
  assert.match(soon[0]?.found ?? "", /: for 9d/);
  assert.deepEqual(
    bad.map(({ verdict }) => verdict),
    ["fail", "fail"],
  );
  assert.match(bad[0]?.found ?? "", /key.pem holds no PEM key/);

  function foundIn(days: number) {
    const now = () => Date.now() + days * 86_400_000;
    return collected("tls", 60_000, checkOwnCertificates(config, now));
  }
});
