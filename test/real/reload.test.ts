import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { SluiceProcess } from "../support/sluice-process.ts";

// A port of loopback that nothing listens on.
const nobody = { endpoints: ["http://127.0.0.1:9"] };

test("SIGHUP reads the configuration again; one that cannot be used changes and ends nothing", async () => {
  await using mirror = await SluiceProcess.start({ upstreams: { "docker.io": nobody } });
  const before = await readFile(mirror.configFile, "utf8");
  assert.equal((await ask(`${mirror.url}/v2/a/manifests/1?ns=quay.io`)).status, 404);

  await writeFile(mirror.configFile, "upstreams: {}");
  mirror.kill("SIGHUP");
  await logged(mirror, "configuration cannot be used, the old one stays");
  assert.equal((await ask(`${mirror.url}/v2/a/manifests/1?ns=docker.io`)).status, 502);

  await writeFile(mirror.configFile, before.replace("docker.io", "quay.io"));
  mirror.kill("SIGHUP");
  await logged(mirror, "configuration was read again");
  assert.equal((await ask(`${mirror.url}/v2/a/manifests/1?ns=quay.io`)).status, 502);
  assert.equal((await ask(`${mirror.url}/v2/a/manifests/1?ns=docker.io`)).status, 404);
});

test("a certificate that cannot be used is told at SIGHUP, and all else is taken over", async () => {
  await using made = await mkdtempDisposable(join(tmpdir(), "reload-"));
  const caFile = join(made.path, "ca.pem");
  await writeFile(caFile, rootCertificates[0] ?? "");
  const own = { ...nobody, caFile };
  await using mirror = await SluiceProcess.start({
    upstreams: { "docker.io": nobody, "own.test": own },
  });
  const before = await readFile(mirror.configFile, "utf8");
  const admin = `"admin": { "tls": { "certificate": "missing.pem", "key": "missing.pem" },`;

  await writeFile(caFile, "half of a certifi");
  await writeFile(
    mirror.configFile,
    before.replace('"admin": {', admin).replace("docker.io", "quay.io"),
  );
  mirror.kill("SIGHUP");
  await logged(mirror, "certificates cannot be used, the rest is taken over");
  await logged(mirror, "configuration was read again");

  assert.equal((await ask(`${mirror.url}/v2/a/manifests/1?ns=quay.io`)).status, 502);
  assert.equal((await ask(`${mirror.url}/v2/a/manifests/1?ns=docker.io`)).status, 404);
  const metrics = (await ask(`${mirror.adminUrl}/metrics`)).bytes.toString();
  assert.match(metrics, /^sluice_certificates_unusable\{upstream="own.test"\} 1$/m);
  await writeFile(caFile, rootCertificates[1] ?? "");
  mirror.kill("SIGHUP");
  await eventually("it is taken", async () => {
    const { bytes } = await ask(`${mirror.adminUrl}/metrics`);
    return bytes.toString().includes('sluice_certificates_unusable{upstream="own.test"} 0');
  });
});

async function logged(mirror: SluiceProcess, msg: string): Promise<void> {
  await eventually(`a log line says "${msg}"`, () =>
    mirror.log.some((line) => line["msg"] === msg),
  );
}
