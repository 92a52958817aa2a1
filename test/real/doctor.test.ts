import assert from "node:assert/strict";
import { chmod, mkdir, readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import type { Finding } from "../../src/doctor/finding.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { NginxTls } from "../support/nginx-tls.ts";
import { runInOwnNetwork } from "../support/own-network.ts";
import { haveAll, haveRoot, programPath } from "../support/real-program.ts";
import { type Ended, runProgram } from "../support/run-program.ts";
import { makeHome, runSluice, SluiceProcess, sluiceProgram } from "../support/sluice-process.ts";

/** A registry that lets everybody in. */
async function openUpstream(): Promise<FakeUpstream> {
  const upstream = await FakeUpstream.start();
  upstream.override("/v2/", (_, response) => void response.end("{}"));
  return upstream;
}

function findingsIn({ stdout }: Ended): readonly Finding[] {
  return JSON.parse(stdout).findings;
}

function failuresIn(ended: Ended): readonly (readonly [string, string])[] {
  const findings = findingsIn(ended).filter(({ verdict }) => verdict === "fail");
  return findings.map(({ subject, found }) => [subject, found]);
}

test("the doctor tries every client's way, and beside a mirror that is well nothing fails", async () => {
  await using upstream = await openUpstream();
  await using other = await openUpstream();
  await using mirror = await SluiceProcess.start({
    upstreams: {
      "docker.io": { endpoints: [upstream.url], default: true, hosts: ["hub.example.com"] },
      "x.io": { endpoints: [other.url] },
    },
  });

  const ended = await runSluice(["doctor", "--json", "--config", mirror.configFile]);

  assert.deepEqual([failuresIn(ended), ended.code, ended.stderr], [[], 0, ""]);
  const clients = findingsIn(ended).filter(({ subject }) => subject === "clients");
  assert.deepEqual(
    clients.map(({ verdict, found }) => `${verdict} ${found.replace(mirror.host, "HOST")}`),
    [
      "warn the registry API listens on HOST, which only this machine reaches",
      "ok dockerd, containerd (?ns=), podman and BuildKit (a host before the name) reach docker.io, x.io",
      "ok the Host headers hub.example.com are understood",
      "ok a registry that is not configured is refused",
    ],
  );
  // Nothing was pulled for it.
  assert.deepEqual(
    [...upstream.requests, ...other.requests]
      .map(({ method, target }) => `${method} ${target}`)
      .sort(),
    ["GET /v2/", "GET /v2/", "HEAD /v2/library/alpine/manifests/latest"],
  );
});

test("the doctor prints for people short lines below what they are about, uncoloured where no terminal is", async () => {
  await using home = await makeHome({
    upstreams: { "x.io": { endpoints: ["http://127.0.0.1:1"] } },
  });

  const { code, stdout, stderr } = await runSluice(["doctor", "--config", home.configFile]);

  assert.equal(code, 1);
  assert.match(stdout, /^configuration\n {2}ok {4}.*mirror\.config\.yaml/);
  assert.match(stdout, /\n\ndaemon\n {2}warn {2}none runs on /);
  assert.match(stdout, /\n\nx\.io\n {2}fail {2}127\.0\.0\.1:1 refuses connections\n {8}→ is the/);
  assert.match(stdout, /\n\n\d ok, \d warn, 1 fail\n$/);
  assert.ok(!stdout.includes("\u001b"));
  assert.deepEqual(
    stdout.split("\n").filter((line) => line.length > 80 && line.includes("  ")),
    [],
  );
  assert.equal(stderr, "sluice: 1 of these have to be mended\n");
});

test("the doctor finds an authority that is not configured; once it is, only how long its certificate is good", async (t) => {
  if (!haveAll(t, "nginx", "openssl")) return;
  await using upstream = await openUpstream();
  await using nginx = await NginxTls.start({ before: upstream.url });
  const at = (upstreamSettings: object): ReturnType<typeof makeHome> =>
    makeHome({ upstreams: { "x.io": { endpoints: [nginx.url], ...upstreamSettings } } });
  await using without = await at({});
  await using withIt = await at({ caFile: nginx.caFile });

  const [refused, believed] = await Promise.all(
    [without, withIt].map((home) => runSluice(["doctor", "--json", "--config", home.configFile])),
  );

  assert.ok(refused && believed);
  const { host } = new URL(nginx.url);
  assert.deepEqual(failuresIn(refused), [
    [
      "x.io",
      `the certificate of ${host} is signed by an authority that is not believed (DEPTH_ZERO_SELF_SIGNED_CERT)`,
    ],
  ]);
  assert.deepEqual(failuresIn(believed), []);
  const certificate = findingsIn(believed).find(({ found }) => found.includes("certificate"));
  assert.match(
    certificate?.found ?? "",
    /^its certificate, by 127\.0\.0\.1, is good until .*: for 1d/,
  );
});

test("the doctor finds that the name server does not answer, and does not blame the registry", async (t) => {
  if (!(haveRoot(t) && haveAll(t, "ip", "unshare"))) return;
  const program = fileURLToPath(
    new URL("../doctor/programs/silent-name-server.ts", import.meta.url),
  );

  const [found]: Finding[] = JSON.parse(await runInOwnNetwork(program, [], null));

  assert.equal(found?.found, "no name server says within 1 s what registry.example.com is");
});

test("the doctor finds a limit of open files that is too low where it counts: in the daemon", async (t) => {
  if (!haveAll(t, "bash")) return;
  await using home = await makeHome({
    upstreams: { "x.io": { endpoints: ["http://127.0.0.1:1"] } },
  });
  const words = 'ulimit -n 600 && exec "$@"';
  const command = [sluiceProgram, "doctor", "--json", "--config", home.configFile];

  const ended = await runProgram(programPath("bash"), ["-c", words, "bash", ...command]);

  const [, found] = failuresIn(ended).find(([subject]) => subject === "process") ?? [];
  assert.match(found ?? "", /^only 600 files may be open/);
});

test("the doctor tells a wrong configuration as config check does", async () => {
  await using home = await makeHome({ upstreams: {}, settings: { freshness: { ttl: "soon" } } });

  const ended = await runSluice(["doctor", "--json", "--config", home.configFile]);

  assert.equal(ended.code, 1);
  const [[subject, found] = []] = failuresIn(ended);
  assert.equal(subject, "configuration");
  assert.match(found ?? "", /mirror\.config\.yaml:\d+:\d+ .*/);
});

test("the doctor tells a daemon that has not read the present configuration from one that has", async () => {
  await using upstream = await openUpstream();
  const upstreams = { "x.io": { endpoints: [upstream.url] } };
  await using mirror = await SluiceProcess.start({ upstreams });
  const file = JSON.parse(await readFile(mirror.configFile, "utf8"));
  const added = { ...upstreams, "y.io": { endpoints: [upstream.url] } };
  await writeFile(mirror.configFile, JSON.stringify({ ...file, upstreams: added }));

  const ended = await runSluice(["doctor", "--json", "--config", mirror.configFile]);

  const found = findingsIn(ended).filter(({ subject }) => subject === "daemon");
  assert.deepEqual(
    found.map((one) => `${one.verdict} ${one.found}`),
    [
      "ok runs and can serve",
      "warn does not know y.io, which the configuration has: it read that before",
    ],
  );
});

test("the doctor finds that this user may not write to the directory, and says whose it is", async (t) => {
  if (!(haveRoot(t) && haveAll(t, "setpriv"))) return;
  await using home = await makeHome({
    upstreams: { "x.io": { endpoints: ["http://127.0.0.1:1"] } },
  });
  const storage = `${home.path}/storage`;
  await mkdir(storage);
  await Promise.all([home.path, storage].map((path) => chmod(path, 0o755)));
  const as = [programPath("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"];

  const ended = await runSluice(["doctor", "--json", "--config", home.configFile], as);

  const [, found] = failuresIn(ended).find(([subject]) => subject === "storage") ?? [];
  assert.match(found ?? "", new RegExp(`^cannot write to ${storage}: permission denied`));
  const owner = findingsIn(ended).find(({ found: one }) => one.includes("belongs to user"));
  assert.equal(owner?.found, `${storage} belongs to user 0, and this runs as user 65534`);
});

test("the doctor finds a daemon of another user, and says who may ask it", async (t) => {
  if (!(haveRoot(t) && haveAll(t, "setpriv"))) return;
  await using upstream = await openUpstream();
  await using mirror = await SluiceProcess.start({
    upstreams: { "x.io": { endpoints: [upstream.url] } },
  });
  const directory = mirror.configFile.replace(/\/[^/]*$/, "");
  await Promise.all([directory, `${directory}/storage`].map((path) => chmod(path, 0o755)));
  const as = [programPath("setpriv"), "--reuid=65534", "--regid=65534", "--clear-groups"];

  const ended = await runSluice(["doctor", "--json", "--config", mirror.configFile], as);

  assert.equal(ended.code, 1);
  const [[subject, found] = []] = failuresIn(ended);
  assert.equal(subject, "daemon");
  assert.match(found ?? "", /run the command as the user that runs the daemon/);
});
