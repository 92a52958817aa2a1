// biome-ignore-all lint/suspicious/noTemplateCurlyInString: it is the syntax under test.
import assert from "node:assert/strict";
import { test } from "node:test";
import { problemLines, yaml } from "./reading.ts";

const file = "mirror.config.yaml";

/** A document, and what must be said of it. */
type Case = readonly [document: string, ...lines: string[]];

async function assertProblems(cases: readonly Case[]): Promise<void> {
  for (const [document, ...lines] of cases) {
    assert.deepEqual(
      await problemLines(document),
      lines.map((line) => `${file}:${line}`),
      document,
    );
  }
}

test("every problem is reported at once, in the order of the file, with its place", async () => {
  const document = yaml`
    server:
      listen: 5000
      listn: "0.0.0.0:5000"

    freshness:
      ttl:  5 parsecs
    log: info
    upstreams:
      ghcr.io:
        endpoints: [ftp://ghcr.io]
        aliases: [GHCR.io]
      quay.io: {}
  `;
  await assertProblems([
    [
      document,
      "2:11 server.listen: 5000 is not a host:port; write for example 0.0.0.0:8080",
      '3:3 server.listn: unknown key; did you mean "listen"?',
      '6:9 freshness.ttl: "5 parsecs" is not a duration; write for example 5m (units: ms, s, m, h, d)',
      '7:6 log: "info" is not a table of keys; write for example {level: debug}',
      '10:17 upstreams.ghcr.io.endpoints[0]: "ftp://ghcr.io" is not an http or https URL; write for example https://ghcr.io',
      '11:15 upstreams.ghcr.io.aliases[0]: "GHCR.io" is not lower-case; write ghcr.io',
      "12:3 upstreams.quay.io.endpoints: is missing; write for example [https://ghcr.io]",
    ],
  ]);
});

test("an unknown key names the nearest known one, or all of them", async () => {
  await assertProblems([
    ["upstream: {}\n", '1:1 upstream: unknown key; did you mean "upstreams"?'],
    ["storage: { size: 1GiB }\n", '1:12 storage.size: unknown key; did you mean "maxSize"?'],
    [
      "upstreams: { ghcr.io: { endpoint: https://ghcr.io } }\n",
      '1:25 upstreams.ghcr.io.endpoint: unknown key; did you mean "endpoints"?',
    ],
    [
      "upstreams: { ghcr.io: { endpoint: https://ghcr.io, endpoints: [] } }\n",
      '1:25 upstreams.ghcr.io.endpoint: unknown key; did you mean "endpoints"?',
      "1:63 upstreams.ghcr.io.endpoints: names no URL; write for example [https://ghcr.io]",
    ],
    ["freshness: { tttl: 1m }\n", '1:14 freshness.tttl: unknown key; did you mean "ttl"?'],
    ["storage: { dir: /x }\n", '1:12 storage.dir: unknown key; did you mean "directory"?'],
    ["storage: { MaxSize: 1GiB }\n", '1:12 storage.MaxSize: unknown key; did you mean "maxSize"?'],
    [
      "storage: { path: /x }\n",
      "1:12 storage.path: unknown key; known here: directory, maxSize, minFree, scrub",
    ],
    [
      "upstreams: { ghcr.io: { endpoints: [https://ghcr.io], timeouts: { conect: 1s } } }\n",
      '1:67 upstreams.ghcr.io.timeouts.conect: unknown key; did you mean "connect"?',
    ],
    ["log:\n  __proto__: 1\n", "2:3 log.__proto__: unknown key; known here: level"],
  ]);
});

test("a wrong type says what was found and what is right", async () => {
  const upstream = (keys: string): string =>
    `upstreams:\n  ghcr.io:\n    endpoints: [https://ghcr.io]\n    ${keys}\n`;
  await assertProblems([
    [
      "- server\n",
      "1:1 a list is not a table of keys; write for example {storage: {maxSize: 200GiB}, freshness: {ttl: 5m}}",
    ],
    [
      "server:\n",
      "1:1 server: an empty value is not a table of keys; write for example {listen: 0.0.0.0:5000}",
    ],
    [
      "log: { level: true }\n",
      "1:15 log.level: true is not one of trace, debug, info, warn, error, fatal, silent; write for example debug",
    ],
    [
      "storage: { maxSize: [1GiB] }\n",
      "1:21 storage.maxSize: a list is not a size; write for example 80% (units: B, kB, KB, MB, GB, TB, KiB, MiB, GiB, TiB, %)",
    ],
    [
      "storage: { minFree: 10 }\n",
      "1:21 storage.minFree: 10 is not a size; write for example 5% (units: B, kB, KB, MB, GB, TB, KiB, MiB, GiB, TiB, %)",
    ],
    [
      "server: { maxConnections: 0 }\n",
      "1:27 server.maxConnections: 0 is not a whole number from 1 to 1000000; write for example 2000",
    ],
    [
      "server: { maxConnections: all }\n",
      '1:27 server.maxConnections: "all" is not a whole number from 1 to 1000000; write for example 2000',
    ],
    [
      "upstreams: { ghcr.io: { endpoints: [https://ghcr.io], parallelFill: 17 } }\n",
      "1:69 upstreams.ghcr.io.parallelFill: 17 is not a whole number from 1 to 16; write for example 4",
    ],
    [
      "admin: { hosts: ['admin.example.com:443'] }\n",
      "1:18 admin.hosts[0]: has a port, and the name counts at any; write for example admin.example.com",
    ],
    [
      "storage: { scrub: 1h }\n",
      "1:19 storage.scrub: must be at least 1d and at most 365d; write for example 30d, or off",
    ],
    [
      "storage: { scrub: never }\n",
      '1:19 storage.scrub: "never" is not a duration or off; write for example 14d',
    ],
    [
      "storage: { maxSize: 0B }\n",
      "1:21 storage.maxSize: leaves no room for anything; write for example 50GiB",
    ],
    [
      'storage: { directory: "" }\n',
      '1:23 storage.directory: "" is not a path; write for example /var/lib/sluice',
    ],
    [
      "storage: { directory: ~/data }\n",
      '1:23 storage.directory: "~" is not the home directory here; write ${HOME}/…',
    ],
    [
      "upstreams: {}\n",
      "1:12 upstreams: names no upstream, so nothing could be pulled; write one, or remove the key",
    ],
    [
      "upstreams: []\n",
      "1:12 upstreams: a list is not a table of names; write for example {ghcr.io: {endpoints: [https://ghcr.io]}}",
    ],
    [
      "upstreams: { ghcr.io: https://ghcr.io }\n",
      '1:23 upstreams.ghcr.io: "https://ghcr.io" is not a table of keys; write for example {endpoints: [https://ghcr.io]}',
    ],
    [
      "upstreams: { ghcr.io: { endpoints: https://ghcr.io } }\n",
      '1:36 upstreams.ghcr.io.endpoints: "https://ghcr.io" is not a list of URLs; write for example [https://ghcr.io]',
    ],
    [
      "upstreams: { ghcr.io: { endpoints: [] } }\n",
      "1:36 upstreams.ghcr.io.endpoints: names no URL; write for example [https://ghcr.io]",
    ],
    [
      upstream("http2: yes"),
      '4:12 upstreams.ghcr.io.http2: "yes" is not true or false; write for example true',
    ],
    [
      upstream("timeouts: { headers: 0s }"),
      "4:26 upstreams.ghcr.io.timeouts.headers: must be over 0s and at most 1d; write for example 10s",
    ],
    [
      upstream("timeouts: { connect: 2d }"),
      "4:26 upstreams.ghcr.io.timeouts.connect: must be over 0s and at most 1d; write for example 5s",
    ],
    [
      upstream("hosts: [mirror/]"),
      '4:13 upstreams.ghcr.io.hosts[0]: "mirror/" is not a host; write for example registry.internal or registry.internal:5000',
    ],
  ]);
});

test("no message shows what may be a secret", async () => {
  const secret = "hunter2";
  const endpoint = (url: string): string => `upstreams:\n  ghcr.io:\n    endpoints: ["${url}"]\n`;
  const documents = [
    endpoint(`https://me:${secret}@ghcr.io`),
    endpoint(`https//me:${secret}@ghcr.io`),
    endpoint("https://ghcr.io").concat(`    proxy: socks://me:${secret}@proxy\n`),
    endpoint("https://ghcr.io").concat(`    proxy: ${secret}\n`),
    endpoint("https://ghcr.io").concat(`    proxy: [${secret}]\n`),
  ];
  for (const document of documents) {
    const lines = await problemLines(document);
    assert.equal(lines.length, 1, document);
    assert.ok(!lines.join().includes(secret), lines.join());
  }
});

const noQuery =
  "a base URL has no fragment, and no query but ?ns=HOST; write for example https://ghcr.io";

test("an endpoint is a base URL: no credentials, no fragment, no query but ?ns=HOST", async () => {
  const lines = await problemLines(yaml`
    upstreams:
      ghcr.io:
        endpoints:
          - https://me@ghcr.io
          - https://ghcr.io?
          - https://ghcr.io/#x
          - https:ghcr.io
          - https://gh cr.io
          - https://ghcr.io/path/
          - https://parent.internal?ns=ghcr.io
          - https://parent.internal/path?ns=registry.internal:5000
          - https://parent.internal?ns=
          - https://parent.internal?ns=library
          - https://parent.internal?ns=ghcr.io&x=y
          - https://parent.internal?ns=ghcr.io#x
          - https://parent.internal?q=ghcr.io
          - https://ghcr.io/v2/
          - https://parent.internal/v2/ghcr.io
          - https://docker.io
  `);
  assert.deepEqual(
    lines.map((line) => line.replace(/^[^ ]* upstreams\.ghcr\.io\.endpoints/, "")),
    [
      "[0]: credentials do not belong in a URL; write for example https://ghcr.io",
      `[1]: ${noQuery}`,
      `[2]: ${noQuery}`,
      '[3]: "https:ghcr.io" is not an http or https URL; write for example https://ghcr.io',
      '[4]: "https://gh cr.io" is not an http or https URL; write for example https://ghcr.io',
      ...[8, 9, 10, 11, 12].map((at) => `[${at}]: ${noQuery}`),
      "[13]: ends in /v2, which every request begins with anyway; leave it out",
      "[15]: is a web page of Docker Hub and no registry; write https://registry-1.docker.io",
    ],
  );
});

test("a long or strange value stays one line", async () => {
  const [line = ""] = await problemLines(`freshness: { ttl: "${"x".repeat(500)}" }\n`);
  assert.match(line, /ttl: "x{60}…" is not a duration/);
  await assertProblems([
    [
      'freshness: { ttl: "5\\nm\\e[31m" }\n',
      '1:19 freshness.ttl: "5\\nm\\u001b[31m" is not a duration; write for example 5m (units: ms, s, m, h, d)',
    ],
  ]);
});

test("text that is no YAML, or has two meanings, is reported with its place", async () => {
  await assertProblems([
    [
      "server:\n  listen: [::]:5000\n",
      "2:15 not valid YAML from here; text that holds one of [ ] { } , needs quotes",
    ],
    [
      "a: 1\n---\nb: 2\n",
      "2:1 a second document begins here, and only one is read; remove one of them",
    ],
    ["server:\n\tlisten: x\n", "2:1 not valid YAML: Tabs are not allowed as indentation"],
    ["log: { level: !loud info }\n", '1:15 text that begins with "!" needs quotes'],
    ["log: !!set { level }\n", '1:6 text that begins with "!" needs quotes'],
    ["storage: !!binary aGk=\n", '1:10 text that begins with "!" needs quotes'],
    ["freshness:\n  ttl: 1m\n  ttl: 2m\n", "3:3 freshness.ttl: is there twice; remove one of them"],
    [
      "log: *level\n",
      '1:6 log: text that begins with "*" is an alias, and no anchor above it has its name',
    ],
  ]);
});

test("a file that is nested beyond reading has one problem, which says so", async () => {
  for (const text of ["[".repeat(20_000), "{a: ".repeat(5000), "- ".repeat(5000)]) {
    const lines = await problemLines(text);
    assert.equal(lines.length, 1);
    assert.match(lines[0] ?? "", /:1:\d+ nested more deeply than can be read$/);
  }
});

test("a key that is there twice hides no other problem, and the last one is judged", async () => {
  await assertProblems([
    [
      "log: { level: info }\nfreshness:\n  ttl: 1m\n  ttl: soon\nlog: { level: loud }\n",
      "4:3 freshness.ttl: is there twice; remove one of them",
      '4:8 freshness.ttl: "soon" is not a duration; write for example 5m (units: ms, s, m, h, d)',
      "5:1 log: is there twice; remove one of them",
      '5:15 log.level: "loud" is not one of trace, debug, info, warn, error, fatal, silent; write for example debug',
    ],
  ]);
});

test("aliases of aliases of aliases are refused", async () => {
  const levels = Array.from({ length: 9 }, (_, level) => {
    const items = Array.from({ length: 10 }, () => (level === 0 ? "x" : `*a${level - 1}`));
    return `a${level}: &a${level} [${items.join(", ")}]`;
  });
  await assertProblems([
    [`${levels.join("\n")}\n`, "2:10 a1[0]: the alias *a0 and those after it repeat too much"],
  ]);
});

test("a problem behind an alias has the place of the value", async () => {
  await assertProblems([
    [
      "server: &same { listen: nowhere }\nadmin: *same\n",
      '1:25 server.listen: "nowhere" is not a host:port; write for example 0.0.0.0:8080',
      '1:25 admin.listen: "nowhere" is not a host:port; write for example 127.0.0.1:9001',
    ],
  ]);
});
