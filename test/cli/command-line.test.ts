import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import packageJson from "../../package.json" with { type: "json" };
import { tokenLine } from "../support/login-files.ts";
import { runSluice } from "./run-sluice.ts";

const cwd = tmpdir();

test("help goes to stdout, teaches by examples, and is a success", async () => {
  const { code, stdout, stderr } = await runSluice(["--help"], { cwd });

  assert.deepEqual([code, stderr], [0, ""]);
  assert.match(stdout, /Usage: sluice .*serve.*health.*stats.*config.*Examples:/s);
});

test("--version is the version of the package", async () => {
  const { code, stdout } = await runSluice(["--version"], { cwd });
  assert.deepEqual([code, stdout], [0, `${packageJson.version}\n`]);
});

test("wrong usage ends with 2, says what was meant, and leaves stdout empty", async () => {
  const table: [string[], RegExp][] = [
    [[], /^Usage: sluice/],
    [["config"], /^Usage: sluice config/],
    [["srve"], /^error: unknown command 'srve'\n\(Did you mean serve\?\)/],
    [["config", "chek"], /^error: unknown command 'chek'\n\(Did you mean check\?\)/],
    [["stats", "--jsn"], /^error: unknown option '--jsn'\n\(Did you mean --json\?\)/],
    [["evict", "--to", "5 parsecs"], /'5 parsecs' is invalid\. .*for example 20GiB or 50%/],
    [["evict", "--to", "0%"], /'0%' is invalid/],
    [["evict", "--limit", "0"], /'0' is invalid\. .*for example 100/],
    [["serve", "now"], /^error: too many arguments for 'serve'.*\n\(sluice help serve explains\)/],
    [["config", "check", "--x"], /\(sluice help config check explains\)/],
    [["config", "check", "--config"], /^error: option '--config <file>' argument missing/],
  ];
  for (const [args, message] of table) {
    const { code, stdout, stderr } = await runSluice(args, { cwd });
    assert.deepEqual([code, stdout], [2, ""], args.join(" "));
    assert.match(stderr, message);
  }
});

test("config check of a right configuration tells in words what it means, wherever it was named", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-cli-"));
  const { path } = directory;
  const file = join(path, "lab.yaml");
  await writeFile(join(path, "tokens"), tokenLine("ci", "token"));
  await writeFile(
    file,
    `server: { listen: ":8080" }
admin: { auth: { tokens: ./tokens }, metricsListen: 127.0.0.1:5002 }
storage: { maxSize: 80% }
eviction: { maxIdle: 30d, pins: ["docker.io/library/*"] }
freshness:
  rules:
    - { match: "*:v[0-9]*", immutable: true, negativeTtl: 1m }
    - { match: "docker.io/library/*", ttl: 10m, staleWhileRevalidate: 1h, staleIfError: 90d }
    - { match: "x.io/nightly/*", store: false }
    - { match: "x.io/evil/*", deny: use x.io/good/* }
    - { match: "x.io/evil/app", ttl: 1m }
upstreams:
  docker.io:
    endpoints: [https://hub.internal/path, https://registry-1.docker.io]
    default: true
    hosts: [mirror.example.com]
    proxy: http://me:\${PASSWORD}@proxy.internal:3128
    credentials: { username: me, password: "\${PASSWORD}" }
    realms: [auth.hub.internal]
  x.io:
    endpoints: [http://10.0.0.1:5000]
    http2: true
    privateRedirects: true
    proxy: direct
    credentials: [{ username: me, password: "\${PASSWORD}" }, { anonymous: true }]
`,
  );
  const env = { PASSWORD: "hunter2" };
  const expected = `configuration  ${file}
registry API   every interface, port 8080
admin API      127.0.0.1:5001, users log in by ${path}/tokens
metrics        127.0.0.1:5002
storage        ${path}/data: at most 80% of the disk, 1 GiB stay free, scrubbed in 30d
eviction       above 95% of that, down to 85%; what is idle for 30d goes; docker.io/library/* stay
freshness      a tag is believed for 1m
log            info
rules          the first that matches decides
  [0]  *:v[0-9]*            immutable; "not found" is believed for 1m
  [1]  docker.io/library/*  believed for 10m; then answered and asked behind for 1h; stands in for 90d
  [2]  x.io/nightly/*       passes through, nothing is kept
  [3]  x.io/evil/*          denied: use x.io/good/*
  [4]  x.io/evil/app        believed for 1m
upstreams
  docker.io  https://hub.internal/path, https://registry-1.docker.io; the default; also index.docker.io, registry-1.docker.io; for the hosts mirror.example.com; through the proxy proxy.internal:3128; credentials of me, public access; token servers auth.hub.internal
  x.io       http://10.0.0.1:5000; no proxy; HTTP/2; redirects to private addresses; credentials of me, then of nobody, public access
note: freshness.rules[4] can never match: freshness.rules[3] (x.io/evil/*) matches all of it before
ok
`;
  const ways = [
    runSluice(["config", "check", "--config", file], { cwd: path, env }),
    runSluice(["--config", "lab.yaml", "config", "check"], { cwd: path, env }),
    runSluice(["config", "check"], { cwd, env: { ...env, SLUICE_CONFIG: file } }),
  ];
  for (const outcome of await Promise.all(ways)) {
    assert.deepEqual(outcome, { code: 0, stdout: expected, stderr: "" });
  }
});

test("config check notes a Docker configuration that says nothing of its upstream", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-cli-"));
  const { path } = directory;
  const upstream = (host: string): string =>
    `  ${host}: { endpoints: ["https://${host}"], credentials: { dockerConfig: config.json } }\n`;
  await writeFile(join(path, "config.json"), '{"auths":{"ghcr.io":{"auth":"bWU6czNjcmV0"}}}');
  await writeFile(
    join(path, "mirror.config.yaml"),
    `upstreams:\n${["ghcr.io", "quay.io"].map(upstream).join("")}`,
  );

  const { code, stdout } = await runSluice(["config", "check"], { cwd: path });

  assert.equal(code, 0);
  const notes = stdout.split("\n").filter((line) => line.startsWith("note"));
  assert.deepEqual(notes, [
    `note: ${path}/config.json has no entry for quay.io, so its pulls are anonymous; "docker login" writes one`,
  ]);
});

test("config check names every problem, hints at the keys, and ends with 1 without a stack", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-cli-"));
  await writeFile(
    join(directory.path, "mirror.config.yaml"),
    "freshness: { ttl: soon }\nserver:\n  listn: x\n",
  );
  const { code, stdout, stderr } = await runSluice(["config", "check"], { cwd: directory.path });
  assert.deepEqual([code, stdout], [1, ""]);
  assert.equal(
    stderr,
    `mirror.config.yaml:1:19 freshness.ttl: "soon" is not a duration; write for example 5m (units: ms, s, m, h, d)
mirror.config.yaml:3:3 server.listn: unknown key; did you mean "listen"?

\`sluice config explain\` says what every key means; mirror.config.yaml in sluice's own directory has them all.
`,
  );
});

test("config check of a file that is not there is one sentence", async () => {
  const outcome = await runSluice(["config", "check", "--config", "/nowhere.yaml"], { cwd });
  assert.deepEqual(outcome, {
    code: 1,
    stdout: "",
    stderr: "/nowhere.yaml: the configuration file that --config names does not exist\n",
  });
});

test("config schema prints the JSON Schema of the configuration", async () => {
  const { code, stdout, stderr } = await runSluice(["config", "schema"], { cwd });
  assert.deepEqual([code, stderr], [0, ""]);
  assert.equal(JSON.parse(stdout).title, "sluice");
});

test("config explain says what a key means, and those below it; a slip is named", async () => {
  const one = await runSluice(["config", "explain", "freshness.ttl"], { cwd });
  const table = await runSluice(["config", "explain", "upstreams.HOST.timeouts"], { cwd });
  const slip = await runSluice(["config", "explain", "freshness.tll"], { cwd });

  assert.deepEqual(one, {
    code: 0,
    stdout: `freshness.ttl
  How long a tag is believed before upstream is asked again; 0s asks every time.
  default 1m, for example 5m
`,
    stderr: "",
  });
  assert.match(
    table.stdout,
    /^upstreams\.HOST\.timeouts\n.*\n\nupstreams\.HOST\.timeouts\.connect\n/,
  );
  assert.deepEqual(slip, {
    code: 2,
    stdout: "",
    stderr: 'sluice: freshness.tll: unknown key; did you mean "freshness.ttl"?\n',
  });
});

test("config explain takes a key as the file has it, and names a few where it has none such", async () => {
  const general = await runSluice(["config", "explain", "upstreams.HOST.timeouts.connect"], {
    cwd,
  });
  const written = "upstreams.registry.internal:5000.timeouts.connect";
  const ofOne = await runSluice(["config", "explain", written], { cwd });
  const host = await runSluice(["config", "explain", "upstreams.ghcr.io"], { cwd });
  const nothing = await runSluice(["config", "explain", "nonsense"], { cwd });
  const slip = await runSluice(["config", "explain", "upstreams.ghcr.io.prxy"], { cwd });

  assert.deepEqual(ofOne, general);
  assert.match(host.stdout, /^upstreams\.HOST\n/);
  assert.match(slip.stderr, /did you mean "upstreams\.HOST\.proxy"\?\n$/);
  assert.equal(nothing.code, 2);
  assert.match(nothing.stderr, /^sluice: nonsense: unknown key; known here: (?:\w+, )+log\n$/);
});
