import assert from "node:assert/strict";
import { mkdir, mkdtempDisposable, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { test } from "node:test";
import { runSluice } from "../run-sluice.ts";

const address = ["--address", "http://mirror.example.com:5000"];

test("client-config prints the file to stdout, and all else to stderr", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "client-config-"));

  const docker = await runSluice(["client-config", "docker", ...address], { cwd: home.path });
  const podman = await runSluice(["client-config", "podman", ...address], { cwd: home.path });

  assert.equal(docker.code, 0);
  assert.deepEqual(JSON.parse(docker.stdout), {
    "registry-mirrors": ["http://mirror.example.com:5000"],
    "insecure-registries": ["http://mirror.example.com:5000"],
  });
  assert.match(docker.stderr, /^# \/etc\/docker\/daemon\.json\nnote: /);
  assert.match(podman.stdout, /^# \/etc\/containers\/registries\.conf\.d\/sluice\.conf, .*\n\[\[/);
  assert.match(podman.stderr, /^note: /);
});

test("client-config --upstream with --json holds the files of that registry alone, and says nothing on stderr", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "client-config-"));
  const args = ["client-config", "containerd", "--json", "--upstream", "quay.io", ...address];

  const { code, stdout, stderr } = await runSluice(args, { cwd: home.path });

  assert.deepEqual([code, stderr], [0, ""]);
  const told = JSON.parse(stdout) as Record<string, unknown>;
  assert.deepEqual(Object.keys(told), ["address", "files", "notes", "written"]);
  assert.deepEqual(told["files"], [
    {
      path: "/etc/containerd/certs.d/quay.io/hosts.toml",
      text: `# /etc/containerd/certs.d/quay.io/hosts.toml, written by sluice client-config
server = "https://quay.io"

[host."http://mirror.example.com:5000"]
  capabilities = ["pull", "resolve"]
`,
    },
  ]);
  assert.deepEqual([told["address"], told["written"]], ["http://mirror.example.com:5000", []]);
});

test("client-config --write writes the files, replaces its own, and never what others wrote", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "client-config-"));
  const file = (registry: string): string =>
    join(home.path, "etc/containerd/certs.d", registry, "hosts.toml");
  const write = (...more: string[]): ReturnType<typeof runSluice> =>
    runSluice(["client-config", "containerd", "--write", home.path, ...more], { cwd: home.path });

  const first = await write(...address);
  assert.equal(first.code, 0, first.stderr);
  assert.equal(
    first.stdout,
    ["docker.io", "ghcr.io", "quay.io"].map((name) => `wrote ${file(name)}\n`).join(""),
  );
  assert.match(await readFile(file("ghcr.io"), "utf8"), /"http:\/\/mirror\.example\.com:5000"/);

  const second = await write("--address", "https://other.example.com");
  assert.equal(second.code, 0, second.stderr);
  assert.match(await readFile(file("ghcr.io"), "utf8"), /"https:\/\/other\.example\.com"/);
  assert.deepEqual(await readdir(dirname(file("ghcr.io"))), ["hosts.toml"]);

  await writeFile(file("quay.io"), 'server = "https://mine"\n');
  const third = await write(...address);
  assert.equal(third.code, 1);
  assert.match(third.stderr, /quay\.io\/hosts\.toml is there already, and not by sluice/);
  assert.match(await readFile(file("ghcr.io"), "utf8"), /other\.example\.com/);
  assert.equal(await readFile(file("quay.io"), "utf8"), 'server = "https://mine"\n');
});

test("client-config --write says why it cannot write", async () => {
  await using home = await mkdtempDisposable(join(tmpdir(), "client-config-"));
  await mkdir(join(home.path, "etc"));
  await writeFile(join(home.path, "etc/containers"), "a file where a directory should be");

  const args = ["client-config", "podman", "--write", home.path, ...address];
  const { code, stderr } = await runSluice(args, { cwd: home.path });

  assert.equal(code, 1);
  assert.match(stderr, /^sluice: cannot (read|write) .*sluice\.conf: ENOTDIR/);
});

test("client-config without a client, or with an address that is none, is wrong usage", async () => {
  const table: [string[], RegExp][] = [
    [["client-config"], /^Usage: sluice client-config/],
    [["client-config", "dockr"], /unknown command 'dockr'\n\(Did you mean docker\?\)/],
    ...["mirror:5000", "ftp://mirror", "http://mirror/path", "http://me:pw@mirror"].map(
      (wrong): [string[], RegExp] => [
        ["client-config", "podman", "--address", wrong],
        /for example http:\/\/mirror\.example\.com:5000/,
      ],
    ),
  ];
  for (const [args, message] of table) {
    const { code, stdout, stderr } = await runSluice(args, { cwd: tmpdir() });
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});
