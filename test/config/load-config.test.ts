import assert from "node:assert/strict";
import { chmod, mkdir, mkdtempDisposable, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ConfigError } from "../../src/config/config-error.ts";
import { type LoadOptions, loadConfig } from "../../src/config/load-config.ts";

const withTtl = (ttl: string): string => `freshness: { ttl: ${ttl} }\n`;

async function problems(options: LoadOptions): Promise<string> {
  try {
    await loadConfig(options);
    return "none";
  } catch (error) {
    if (error instanceof ConfigError) return error.message;
    throw error;
  }
}

test("--config goes before $SLUICE_CONFIG, and that before ./mirror.config.yaml", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  const cwd = directory.path;
  await writeFile(join(cwd, "named.yaml"), withTtl("1s"));
  await writeFile(join(cwd, "variable.yaml"), withTtl("2s"));
  await writeFile(join(cwd, "mirror.config.yaml"), withTtl("3s"));
  const env = { SLUICE_CONFIG: "variable.yaml" };

  const named = await loadConfig({ file: "named.yaml", env, cwd });
  const variable = await loadConfig({ env, cwd });
  const usual = await loadConfig({ env: { SLUICE_CONFIG: "" }, cwd });

  assert.deepEqual([named.config.freshness.ttlMs, named.source], [1000, join(cwd, "named.yaml")]);
  assert.deepEqual(
    [variable.config.freshness.ttlMs, variable.source],
    [2000, join(cwd, "variable.yaml")],
  );
  assert.deepEqual(
    [usual.config.freshness.ttlMs, usual.source],
    [3000, join(cwd, "mirror.config.yaml")],
  );
});

test("without any file the defaults count, and paths begin at the working directory", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  const { config, source } = await loadConfig({ env: {}, cwd: directory.path });
  assert.equal(source, "built-in defaults");
  assert.equal(config.storage.directory, join(directory.path, "data"));
});

test("paths in a file elsewhere begin at that file", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  await mkdir(join(directory.path, "etc"));
  await writeFile(join(directory.path, "etc/lab.yaml"), "");
  const { config } = await loadConfig({ file: "etc/lab.yaml", env: {}, cwd: directory.path });
  assert.equal(config.storage.directory, join(directory.path, "etc/data"));
});

test("a configuration that is empty or gone while a mirror runs by it is a problem, and does not mean the defaults", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  const cwd = directory.path;
  const file = join(cwd, "mirror.config.yaml");
  await writeFile(file, withTtl("3s"));
  const { source: inEffect } = await loadConfig({ env: {}, cwd });

  await writeFile(file, "\n");
  assert.match(
    await problems({ env: {}, cwd, inEffect }),
    /^mirror\.config\.yaml: .* is empty, .*rename it/,
  );
  assert.match(await problems({ file, env: {}, cwd, inEffect }), /is empty/);
  assert.equal(await problems({ env: {}, cwd }), "none");

  await rm(file);
  assert.match(await problems({ env: {}, cwd, inEffect }), /file of this mirror does not exist/);
  assert.equal(await problems({ env: {}, cwd, inEffect: "built-in defaults" }), "none");
});

test("a file that is named must be there; the message says who named it", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  const cwd = directory.path;
  assert.equal(
    await problems({ file: "lab.yaml", env: {}, cwd }),
    "lab.yaml: the configuration file that --config names does not exist",
  );
  assert.equal(
    await problems({ env: { SLUICE_CONFIG: "/nowhere/lab.yaml" }, cwd }),
    "/nowhere/lab.yaml: the configuration file that $SLUICE_CONFIG names does not exist",
  );
});

test("a file that is there but cannot be read is never passed over", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  const cwd = directory.path;
  const usual = join(cwd, "mirror.config.yaml");
  await symlink(usual, usual);
  assert.equal(
    await problems({ env: {}, cwd }),
    "mirror.config.yaml: the configuration file cannot be read: its path leads through symbolic links in a circle",
  );
  assert.equal(
    await problems({ file: ".", env: {}, cwd }),
    `${cwd}: the configuration file that --config names is a directory, not a file`,
  );
});

test("a file without read permission is one clear sentence", async (t) => {
  if (process.getuid?.() === 0) return t.skip("root may read everything");
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  const file = join(directory.path, "lab.yaml");
  await writeFile(file, "");
  await chmod(file, 0);
  assert.equal(
    await problems({ file, env: {}, cwd: directory.path }),
    "lab.yaml: the configuration file that --config names cannot be read: permission denied",
  );
});

test("a file of more than 1 MiB is not read", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  const cwd = directory.path;
  await writeFile(join(cwd, "most.yaml"), "#".repeat(1024 * 1024));
  await writeFile(join(cwd, "more.yaml"), "#".repeat(1024 * 1024 + 1));
  assert.equal(await problems({ file: "most.yaml", env: {}, cwd }), "none");
  assert.equal(
    await problems({ file: "more.yaml", env: {}, cwd }),
    "more.yaml: the configuration file that --config names is larger than 1 MiB, the most that is read",
  );
});

test("a ConfigError has each problem as data, with file, place and path", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-config-"));
  await writeFile(join(directory.path, "lab.yaml"), withTtl("soon"));
  await assert.rejects(loadConfig({ file: join(directory.path, "lab.yaml"), env: {}, cwd: "/" }), {
    name: "ConfigError",
    problems: [
      {
        file: join(directory.path, "lab.yaml"),
        place: { line: 1, column: 19 },
        path: "freshness.ttl",
        message: '"soon" is not a duration; write for example 5m (units: ms, s, m, h, d)',
      },
    ],
  });
});
