import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import {
  access,
  chmod,
  chown,
  copyFile,
  mkdir,
  mkdtempDisposable,
  readdir,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join, relative } from "node:path";
import { test } from "node:test";
import { haveRoot } from "../support/real-program.ts";
import { type Outcome, runSluice, sluice } from "./run-sluice.ts";

/** A checkout with nothing in it but `bin/sluice` and a `main.ts` that shows its arguments. */
async function makeCheckout(root: string): Promise<string> {
  await mkdir(join(root, "bin"));
  await mkdir(join(root, "src"));
  await copyFile(sluice, join(root, "bin/sluice"));
  await writeFile(join(root, "src/main.ts"), "console.log(JSON.stringify(process.argv.slice(2)));");
  return join(root, "bin/sluice");
}

/** A program called `node` in `directory` that says it is `version`, and shows how it was run. */
async function fakeNode(directory: string, version: string): Promise<void> {
  const file = join(directory, "node");
  await mkdir(directory, { recursive: true });
  await writeFile(
    file,
    `#!/bin/sh\n[ "$1" = --version ] && { echo ${version}; exit; }\necho "${version} $*"\n`,
  );
  await chmod(file, 0o755);
}

function run(command: string, path: string, args: readonly string[] = []): Promise<Outcome> {
  return runSluice(args, { cwd: "/", command, env: { PATH: `${path}:/usr/bin:/bin` } });
}

test("bin/sluice passes arguments on as they are", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice bin "));
  const command = await makeCheckout(directory.path);
  await mkdir(join(directory.path, "node_modules"));
  const args = ["a b", "", "*", "$HOME", "--", "-x"];
  const { stdout, stderr } = await run(command, dirname(process.execPath), args);
  assert.equal(stderr, "");
  assert.deepEqual(JSON.parse(stdout), args);
});

test("bin/sluice finds its checkout through links, relative and absolute, whatever CDPATH says", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-bin-"));
  const { path } = directory;
  await mkdir(join(path, "links"));
  await symlink(relative(join(path, "links"), sluice), join(path, "links/first"));
  await symlink("first", join(path, "links/second"));
  await symlink(join(path, "links/second"), join(path, "sluice"));
  const { code, stdout } = await runSluice(["--version"], {
    cwd: path,
    command: join(path, "sluice"),
    env: { CDPATH: "/tmp" },
  });
  assert.equal(code, 0);
  assert.match(stdout, /^\d+\.\d+\.\d+\n$/);
});

test("bin/sluice takes the checkout's own Node before PATH's, if it is new enough", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-bin-"));
  const { path } = directory;
  const command = await makeCheckout(path);
  await fakeNode(join(path, "elsewhere"), "v26.1.0");
  await fakeNode(join(path, "node_modules/.bin"), "v24.0.0");
  const own = await run(command, join(path, "elsewhere"), ["serve"]);
  await fakeNode(join(path, "node_modules/.bin"), "v22.9.0");
  const other = await run(command, join(path, "elsewhere"), ["serve"]);

  assert.deepEqual(own, {
    code: 0,
    stdout: `v24.0.0 --disable-warning=ExperimentalWarning ${path}/src/main.ts serve\n`,
    stderr: "",
  });
  assert.deepEqual(other, {
    code: 0,
    stdout: `v26.1.0 --disable-warning=ExperimentalWarning ${path}/src/main.ts serve\n`,
    stderr: "",
  });
});

test("bin/sluice has threads share their memory, unless whoever starts it wants it otherwise", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-bin-"));
  const { path } = directory;
  const command = await makeCheckout(path);
  await mkdir(join(path, "node_modules"));
  await writeFile(join(path, "src/main.ts"), "console.log(process.env.MALLOC_ARENA_MAX);");
  const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;

  const usual = await runSluice([], { cwd: path, command, env: { PATH } });
  const wished = await runSluice([], { cwd: path, command, env: { PATH, MALLOC_ARENA_MAX: "4" } });

  assert.deepEqual([usual.stdout, wished.stdout], ["1\n", "4\n"]);
});

test("bin/sluice keeps what Node compiles among its packages, or where a service manager says", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-bin-"));
  const { path } = directory;
  const command = await makeCheckout(path);
  await mkdir(join(path, "node_modules"));
  const wish = join(path, "wished");
  const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;
  const runWith = (env: Readonly<Record<string, string>>): Promise<Outcome> =>
    runSluice([], { cwd: path, command, env: { PATH, NODE_COMPILE_CACHE: "", ...env } });

  await runWith({});
  await runWith({ CACHE_DIRECTORY: join(path, "service") });
  await runWith({ CACHE_DIRECTORY: join(path, "unused"), NODE_COMPILE_CACHE: wish });

  for (const kept of ["node_modules/.cache/compiled", "service/compiled", "wished"])
    assert.notEqual((await readdir(join(path, kept))).length, 0, kept);
  await assert.rejects(access(join(path, "unused")));
});

test("bin/sluice leaves nothing of one user among the packages of another", async (t) => {
  if (!haveRoot(t)) return;
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-bin-"));
  const { path } = directory;
  const command = await makeCheckout(path);
  await mkdir(join(path, "node_modules"));
  await chown(join(path, "node_modules"), 10001, 10001);
  const PATH = `${dirname(process.execPath)}:/usr/bin:/bin`;

  const { code } = await runSluice([], {
    cwd: path,
    command,
    env: { PATH, NODE_COMPILE_CACHE: "" },
  });

  assert.equal(code, 0);
  assert.deepEqual(await readdir(join(path, "node_modules")), []);
});

test("bin/sluice without its packages or a new enough Node says what to run", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-bin-"));
  const { path } = directory;
  const command = await makeCheckout(path);
  await fakeNode(join(path, "old"), "v20.20.2");

  const bare = await run(command, join(path, "old"));
  await mkdir(join(path, "node_modules"));
  const old = await run(command, join(path, "old"));

  assert.deepEqual(bare, {
    code: 1,
    stdout: "",
    stderr: `sluice: its packages are not installed; run: npm ci --prefix ${path}\n`,
  });
  assert.deepEqual(old, {
    code: 1,
    stdout: "",
    stderr: `sluice: it needs Node 24 or newer and found none; run: npm ci --prefix ${path}\n`,
  });
});

test("a signal to bin/sluice reaches the mirror itself, whose exit code comes back", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-bin-"));
  const command = await makeCheckout(directory.path);
  await mkdir(join(directory.path, "node_modules"));
  await writeFile(
    join(directory.path, "src/main.ts"),
    `process.once("SIGTERM", () => process.exit(7));
setInterval(() => {}, 1000);
console.log(process.pid);`,
  );
  const env = { PATH: `${dirname(process.execPath)}:/usr/bin:/bin` };
  const child = spawn(command, [], { env, stdio: ["ignore", "pipe", "inherit"] });
  const [pid] = await once(child.stdout, "data");
  child.kill("SIGTERM");
  const [code] = await once(child, "exit");
  assert.equal(Number(pid), child.pid);
  assert.equal(code, 7);
});
