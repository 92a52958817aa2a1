import assert from "node:assert/strict";
import { chmod, mkdir, mkdtempDisposable, writeFile } from "node:fs/promises";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { haveAll, haveRoot, programPath } from "../support/real-program.ts";
import { type Ended, mustRun } from "../support/run-program.ts";
import { makeHome, runSluice, type Settings, SluiceProcess } from "../support/sluice-process.ts";
import { Tmpfs } from "../support/tmpfs.ts";

const upstreams: Settings = { "docker.io": { endpoints: ["http://127.0.0.1:9"], default: true } };

test("a second daemon on the same directory refuses, and says that another has it", async () => {
  await using home = await makeHome({ upstreams });
  const directory = join(home.path, "storage");
  await using _first = await SluiceProcess.start({ upstreams, directory });

  const second = await runSluice(["serve", "--config", home.configFile]);

  assertRefused(second, directory);
  assert.match(second.stderr, /another|already|in use/i);
});

for (const section of ["server", "admin"]) {
  test(`a daemon whose ${section}.listen is in use refuses, and names the address`, async () => {
    await using taken = createServer().listen(0, "127.0.0.1");
    const { promise, resolve } = Promise.withResolvers<void>();
    taken.once("listening", resolve);
    await promise;
    const listen = `127.0.0.1:${portOf(taken.address())}`;
    await using home = await makeHome({ upstreams, settings: { [section]: { listen } } });

    const refused = await runSluice(["serve", "--config", home.configFile]);

    assertRefused(refused, listen);
    assert.ok(refused.stderr.includes(`${section}.listen`), "it names the setting to change");
  });
}

test("a daemon with a broken file of logins refuses, and names its line", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "logins-"));
  const htpasswd = join(directory.path, "htpasswd");
  await writeFile(htpasswd, "# users\nalice:{SHA}CANARYHASH=\n");
  await using home = await makeHome({ upstreams, server: { auth: { htpasswd } } });

  const refused = await runSluice(["serve", "--config", home.configFile]);

  assertRefused(refused, `${htpasswd}:2 has a SHA-1 hash`);
  assert.doesNotMatch(refused.stderr, /CANARYHASH/);
});

test("a daemon that may not write its directory refuses, and names the directory", async (t) => {
  if (!haveAll(t, "setpriv")) return;
  await using home = await makeHome({ upstreams });
  const directory = join(home.path, "storage");
  await mkdir(directory);
  await chmod(directory, 0o500);

  const refused = await runSluice(["serve", "--config", home.configFile], asPeople());

  assertRefused(refused, directory);
  assert.match(refused.stderr, /permission|not writable|may not|cannot write/i);
});

test("a daemon that may not write its catalog refuses, and names the file", async (t) => {
  if (!haveAll(t, "setpriv")) return;
  await using home = await makeHome({ upstreams });
  const catalog = join(home.path, "storage", "catalog.db");
  {
    await using first = await SluiceProcess.start({ upstreams, directory: dirname(catalog) });
    first.kill("SIGTERM");
    await first.exit();
  }
  await chmod(catalog, 0o400);

  const refused = await runSluice(["serve", "--config", home.configFile], asPeople());

  assertRefused(refused, catalog);
  assert.match(refused.stderr, /permission denied/);
});

test("a storage directory whose parts are on several file systems is refused", async (t) => {
  if (!haveRoot(t)) return;
  await using home = await makeHome({ upstreams });
  const ingest = join(home.path, "storage", "ingest");
  await using disk = await Tmpfs.mount("size=8m");
  await mkdir(ingest, { recursive: true });
  await mustRun("mount", ["--bind", disk.path, ingest]);
  await using stack = new AsyncDisposableStack();
  stack.defer(async () => void (await mustRun("umount", [ingest])));

  const refused = await runSluice(["serve", "--config", home.configFile]);

  assertRefused(refused, ingest);
  assert.match(refused.stderr, /another file system/);
});

test("a storage directory that is a file is refused, and named", async () => {
  await using home = await makeHome({ upstreams });
  const directory = join(home.path, "storage");
  await writeFile(directory, "");

  const refused = await runSluice(["serve", "--config", home.configFile]);

  assertRefused(refused, directory);
});

test("a configuration with three faults is refused with all three, each with its place", async () => {
  const settings = { freshness: { ttl: "5 parsecs" }, storage: { directroy: "./data" }, lgo: {} };
  await using home = await makeHome({ upstreams, settings });

  const refused = await runSluice(["serve", "--config", home.configFile]);

  assertRefused(refused, "mirror.config.yaml");
  assert.match(refused.stderr, /:\d+:\d+ freshness\.ttl: "5 parsecs"/);
  assert.match(refused.stderr, /:\d+:\d+ storage\.directroy: .*"directory"/);
  assert.match(refused.stderr, /:\d+:\d+ lgo: /);
});

test("a configuration file that is not there is refused, and named", async () => {
  const refused = await runSluice(["serve", "--config", "/nowhere/mirror.config.yaml"]);

  assertRefused(refused, "/nowhere/mirror.config.yaml");
});

/** Root may write everywhere; without this capability it asks the permission bits like everybody. */
function asPeople(): string[] {
  const isRoot = process.getuid?.() === 0;
  return isRoot ? [programPath("setpriv"), "--bounding-set=-dac_override"] : [];
}

function assertRefused({ code, stdout, stderr }: Ended, named: string): void {
  assert.equal(code, 1, stderr);
  assert.ok(stderr.includes(named), `it names ${named}: ${stderr}`);
  assert.doesNotMatch(`${stdout}${stderr}`, /^\s+at /m, "no stack trace");
}

function portOf(address: ReturnType<ReturnType<typeof createServer>["address"]>): number {
  assert.ok(typeof address === "object" && address);
  return address.port;
}
