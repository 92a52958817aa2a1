// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration file.
import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { parseConfig } from "../../src/config/parse-config.ts";
import { passwordLine, tokenLine } from "../support/login-files.ts";

const file = new URL("../../mirror.config.yaml", import.meta.url);
const directory = "/srv";

test("mirror.config.yaml of the checkout says exactly what runs without a file", async () => {
  const text = await readFile(file, "utf8");
  const written = await parseConfig({ text, file: "mirror.config.yaml", directory }, {});
  const builtIn = await parseConfig({ text: "", file: "none", directory }, {});
  assert.deepEqual(written, builtIn);
});

test("the examples in mirror.config.yaml are right too: without their comment signs it is still a configuration", async () => {
  await using temporary = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  const { path } = temporary;
  await writeFile(join(path, "htpasswd"), passwordLine("alice", "secret"));
  await writeFile(join(path, "tokens"), tokenLine("ci", "token"));
  const text = await readFile(file, "utf8");
  // An example is a comment that is a key, a value and perhaps a remark, or an item of a list; prose never has a colon
  // there.
  const uncommented = text
    .replaceAll(/^( +)# ( *(?:- \{ )?[a-zA-Z.0-9]+(?::5000)?:(?: .*)?)$/gm, "$1$2")
    .replace("caFile: ./internal-ca.pem", "")
    .replaceAll(/(?:tls|client): \{ certificate: .*\}/g, "")
    .replaceAll(/\.\/(htpasswd|tokens)/g, `${path}/$1`)
    .replace(
      "{ username: me, passwordFile: /run/secrets/hub }",
      '{ username: me, password: "${P}" }',
    );
  const { server, upstreams, freshness } = await parseConfig(
    { text: uncommented, file: "mirror.config.yaml", directory },
    { P: "secret" },
  );
  assert.deepEqual(
    upstreams.map(({ name }) => name),
    ["docker.io", "ghcr.io", "quay.io", "registry.internal:5000"],
  );
  assert.deepEqual([server.auth?.htpasswdFile, server.access?.length], [`${path}/htpasswd`, 3]);
  assert.equal(freshness.rules.length, 4);
  const [hub] = upstreams;
  assert.deepEqual(hub?.aliases[0], "hub.example.com");
  assert.deepEqual(hub?.proxy.kind, "url");
  assert.deepEqual([hub?.http2, hub?.privateRedirects], [true, true]);
  assert.deepEqual(hub?.credentials, [{ kind: "password", username: "me", password: "secret" }]);
  assert.deepEqual([hub?.realms, hub?.access], [["auth.example.com"], "shared"]);
  assert.deepEqual([hub?.maxConnections, hub?.parallelFill], [100, 4]);
});

test("$SLUICE_DIRECTORY moves the storage of the checkout's file", async () => {
  const text = await readFile(file, "utf8");
  const config = await parseConfig(
    { text, file: "mirror.config.yaml", directory },
    { SLUICE_DIRECTORY: "/var/lib/sluice" },
  );
  assert.equal(config.storage.directory, "/var/lib/sluice");
});
