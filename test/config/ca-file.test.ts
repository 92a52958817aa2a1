import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { rootCertificates } from "node:tls";
import { ConfigError } from "../../src/config/config-error.ts";
import { loadConfig } from "../../src/config/load-config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";

const document =
  "upstreams:\n  x.example:\n    endpoints: [https://x.example]\n    caFile: ca.pem\n";

/** The PEM text that the upstream gets, or the one message about it, when `ca.pem` holds `content`. */
async function loadWith(content: string | Buffer | null): Promise<string> {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-ca-"));
  const { path } = directory;
  await writeFile(join(path, "lab.yaml"), document);
  if (content !== null) await writeFile(join(path, "ca.pem"), content);
  try {
    const { config } = await loadConfig({ file: join(path, "lab.yaml"), env: {}, cwd: "/" });
    return config.upstreams[0]?.caPem ?? "none";
  } catch (error) {
    assert.ok(error instanceof ConfigError);
    return error.message.replaceAll(path, "DIR");
  }
}

const [first = "", second = ""] = rootCertificates;

test("the certificates of caFile are given as text, without what stands around them", async () => {
  assert.equal(await loadWith(`${first}\n`), first);
  assert.equal(await loadWith(`# ours\n${first}\n\n${second}\n`), `${first}\n${second}`);
});

test("a caFile that cannot be used is a problem of the configuration", async () => {
  const where = "DIR/lab.yaml:4:13 upstreams.x.example.caFile:";
  const broken = first.replace(/\n.{10}/, "\nAAAAAAAAAA");
  const table: [string | Buffer | null, string][] = [
    [null, "DIR/ca.pem does not exist"],
    ["", 'DIR/ca.pem holds no PEM certificate ("-----BEGIN CERTIFICATE-----")'],
    [
      Buffer.from([0x30, 0x82]),
      'DIR/ca.pem holds no PEM certificate ("-----BEGIN CERTIFICATE-----")',
    ],
    [`${first}\n${broken}\n`, "certificate 2 in DIR/ca.pem cannot be decoded"],
    [Buffer.alloc(4 * 1024 * 1024 + 1), "DIR/ca.pem is larger than 4 MiB, the most that is read"],
  ];
  for (const [content, message] of table) {
    assert.equal(await loadWith(content), `${where} ${message}`);
  }
});

test("a caFile that cannot be used when it is read again leaves the certificates of before, and refuses the configuration where there were none", async () => {
  const read = async (believed: string | null) => {
    const upstreams = [{ name: "x.example", caPem: believed, client: null }];
    const text = document;
    return await parseConfig(
      { text, file: "lab.yaml", directory: "/nowhere", certificates: { upstreams } },
      {},
    );
  };

  const [kept] = (await read(first)).upstreams;

  assert.deepEqual([kept?.caPem, kept?.caIsKept], [first, true]);
  await assert.rejects(
    read(null),
    /^ConfigError: lab.yaml:4:13 upstreams.x.example.caFile: \/nowhere\/ca.pem does not exist$/,
  );
});
