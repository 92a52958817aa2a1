import assert from "node:assert/strict";
import { test } from "node:test";
import { problemLines, yaml } from "./reading.ts";

/** The problems of upstreams that each have an endpoint and these further keys, a line each from line 2. */
async function upstreamProblems(upstreams: Readonly<Record<string, string>>): Promise<string[]> {
  const rows = Object.entries(upstreams).map(
    ([name, keys]) => `  "${name}": { ${keys}, endpoints: [https://x.example] }\n`,
  );
  const lines = await problemLines(`upstreams:\n${rows.join("")}`);
  return lines.map((line) => line.replace("mirror.config.yaml:", "").replace("upstreams.", ""));
}

test("one upstream at most is the default", async () => {
  const none = "http2: false";
  const is = "default: true";
  assert.deepEqual(await upstreamProblems({ "a.example": none, "b.example": is }), []);
  assert.deepEqual(await upstreamProblems({ "a.example": none, "b.example": none }), []);
  assert.deepEqual(await upstreamProblems({ "a.example": is, "b.example": is, "c.example": is }), [
    "3:27 b.example.default: a.example is the default already; only one upstream can be",
    "4:27 c.example.default: a.example is the default already; only one upstream can be",
  ]);
});

test("names and aliases are lower-case hosts that no namespace of Docker Hub looks like", async () => {
  const keys = "http2: false";
  assert.deepEqual(
    await upstreamProblems({ "registry:5000": keys, "[fd00::1]:5000": keys, "a-b.example": keys }),
    [],
  );
  assert.deepEqual(
    await upstreamProblems({
      library: keys,
      "GHCR.io": keys,
      "https://ghcr.io": keys,
      "ghcr.io/owner": keys,
      "quay.io": "aliases: [quay, Q.io, 'q.io:x']",
    }),
    [
      '2:3 library: "library" has neither "." nor ":", so it could hide a namespace of Docker Hub; write for example library.internal or library:5000',
      '3:3 GHCR.io: "GHCR.io" is not lower-case; write ghcr.io',
      '4:3 https://ghcr.io: "https://ghcr.io" is not a host; write for example registry.internal or registry.internal:5000',
      '5:3 ghcr.io/owner: "ghcr.io/owner" is not a host; write for example registry.internal or registry.internal:5000',
      '6:26 quay.io.aliases[0]: "quay" has neither "." nor ":", so it could hide a namespace of Docker Hub; write for example quay.internal or quay:5000',
      '6:32 quay.io.aliases[1]: "Q.io" is not lower-case; write q.io',
      '6:38 quay.io.aliases[2]: "q.io:x" is not a host; write for example registry.internal or registry.internal:5000',
    ],
  );
});

test("no name, alias or host means two upstreams", async () => {
  assert.deepEqual(
    await upstreamProblems({
      "a.example": "aliases: [b.example, c.example], hosts: [m.example]",
      "b.example": "aliases: [c.example], hosts: [m.example, a.example]",
    }),
    [
      '2:28 a.example.aliases[0]: "b.example" is the name of b.example already',
      '3:28 b.example.aliases[0]: "c.example" is an alias of a.example already',
      '3:48 b.example.hosts[0]: "m.example" is a host of a.example already',
      '3:59 b.example.hosts[1]: "a.example" is the name of a.example already',
    ],
  );
});

test("what stands twice in one upstream is reported, but a host may be a name too", async () => {
  assert.deepEqual(
    await upstreamProblems({
      "a.example": "aliases: [a.example, b.example], hosts: [a.example, b.example, m, m]",
    }),
    [
      '2:28 a.example.aliases[0]: "a.example" is the name of a.example already',
      '2:84 a.example.hosts[3]: "m" is a host of a.example already',
    ],
  );
});

test("docker.io has its aliases without being told, and nobody else can have them", async () => {
  const keys = "http2: false";
  assert.deepEqual(await upstreamProblems({ "docker.io": "aliases: [index.docker.io]" }), []);
  assert.deepEqual(
    await upstreamProblems({
      "docker.io": keys,
      "registry-1.docker.io": keys,
      "hub.example": "aliases: [index.docker.io]",
    }),
    [
      '3:3 registry-1.docker.io: "registry-1.docker.io" is a built-in alias of docker.io already',
      '4:30 hub.example.aliases[0]: "index.docker.io" is a built-in alias of docker.io already',
    ],
  );
});

// It was taken, and then ?ns=docker.io was not found.
test("an upstream named by an address of Docker Hub is told the name that its images have", async () => {
  assert.deepEqual(await upstreamProblems({ "registry-1.docker.io": "http2: false" }), [
    '2:3 registry-1.docker.io: "registry-1.docker.io" is an address of the registry whose images are named by docker.io; write docker.io, which has this name as an alias',
  ]);
});

const openAdmin =
  "others than this machine would reach the admin API, and nobody asks them who they are; set admin.auth, for example {htpasswd: ./htpasswd}, or listen on 127.0.0.1:5001. For a Prometheus on another host set admin.metricsListen";

test("the admin API listens for others than this machine with logins only", async () => {
  const table: [string, string[]][] = [
    ["admin: { listen: 0.0.0.0:5001 }", [`1:18 admin.listen: ${openAdmin}`]],
    ["admin: { listen: ':5001' }", [`1:18 admin.listen: ${openAdmin}`]],
    ["admin: { listen: '[::]:5001' }", [`1:18 admin.listen: ${openAdmin}`]],
    ["admin: { listen: mirror.internal:5001 }", [`1:18 admin.listen: ${openAdmin}`]],
    ["admin: { listen: 127.0.0.2:5001 }", []],
    ["admin: { listen: '[::1]:5001' }", []],
    ["admin: { listen: localhost:5001 }", []],
    ["admin: { listen: LOCALHOST:5001 }", []],
    ["admin: { listen: '[::ffff:127.0.0.1]:5001' }", []],
    ["admin: { metricsListen: 0.0.0.0:5002 }", []],
  ];
  for (const [document, expected] of table) {
    const lines = expected.map((line) => `mirror.config.yaml:${line}`);
    assert.deepEqual(await problemLines(document), lines, document);
  }
});

test("the APIs cannot share a port", async () => {
  const sharing = (port: number, another: number): string =>
    `server.listen and admin.listen cannot share port ${port}; give one of them another, for example ${another}`;
  const table: [string, string[]][] = [
    ['server: { listen: ":5001" }', [`1:19 server.listen: ${sharing(5001, 5002)}`]],
    ["admin: { listen: 127.0.0.1:5000 }", [`1:18 admin.listen: ${sharing(5000, 5001)}`]],
    [
      "admin: { metricsListen: ':5001' }",
      [
        "1:25 admin.metricsListen: admin.listen and admin.metricsListen cannot share port 5001; give one of them another, for example 5002",
      ],
    ],
    [
      "admin: { metricsListen: 10.0.0.1:5000 }",
      [
        "1:25 admin.metricsListen: server.listen and admin.metricsListen cannot share port 5000; give one of them another, for example 5002",
      ],
    ],
    ["admin: { metricsListen: ':5002' }", []],
    ["server: { listen: 10.0.0.1:5001 }", []],
    ["server: { listen: ':0' }\nadmin: { listen: '[::1]:0' }", []],
    ["server: { listen: localhost:7 }\nadmin: { listen: '[::1]:7' }", []],
  ];
  for (const [document, expected] of table) {
    const lines = expected.map((line) => `mirror.config.yaml:${line}`);
    assert.deepEqual(await problemLines(document), lines, document);
  }
});

test("a problem elsewhere hides no problem between keys", async () => {
  const lines = await problemLines(yaml`
    upstreams:
      a.example: { endpoints: 5, default: true, aliases: [c.example, 7] }
      b.example: { default: true, aliases: [c.example] }
  `);
  assert.deepEqual(
    lines.map((line) => line.replace("mirror.config.yaml:", "")),
    [
      "2:27 upstreams.a.example.endpoints: 5 is not a list of URLs; write for example [https://ghcr.io]",
      "2:66 upstreams.a.example.aliases[1]: 7 is not the name of an upstream; write for example registry.example.com",
      "3:3 upstreams.b.example.endpoints: is missing; write for example [https://ghcr.io]",
      "3:25 upstreams.b.example.default: a.example is the default already; only one upstream can be",
      '3:41 upstreams.b.example.aliases[0]: "c.example" is an alias of a.example already',
    ],
  );
});

test("logins are forwarded over TLS only, and where no other login is wanted of a client or by the upstream", async () => {
  const forward = "access: forward";
  assert.deepEqual(await upstreamProblems({ "a.example": forward }), [
    "2:26 a.example.access: forward has clients send their passwords, and that needs TLS: set server.tls, or name a proxy that speaks it in server.trustedProxies",
  ]);
  const behind = await problemLines(
    "server: { trustedProxies: [10.0.0.5] }\nupstreams: { a.example: { access: forward, endpoints: [https://x.example] } }\n",
  );
  assert.deepEqual(behind, []);
  const credentials = "credentials: { username: me, passwordFile: p }, access: forward";
  const both = await upstreamProblems({ "a.example": credentials });
  assert.match(
    both.join("\n"),
    /a\.example\.access: forward asks by the logins of clients, and credentials are/,
  );
  const server = await problemLines(
    "server: { auth: {} }\nupstreams: { a.example: { access: forward, endpoints: [https://x.example] } }\n",
  );
  assert.ok(server.some((line) => line.includes("takes the one login that a client can send")));
});
