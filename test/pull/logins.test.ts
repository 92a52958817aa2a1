import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import type { AccessRule, ServerConfig } from "../../src/config/config.ts";
import { parseNetwork } from "../../src/config/network.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, type TestImage, topLayerOf } from "../support/images.ts";
import { basic, passwordLine, tokenLine } from "../support/login-files.ts";
import { type RawAnswer, rawRequest } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

const alice = { authorization: basic("alice", "secret of alice") };
const bob = { authorization: basic("bob", "secret of bob") };
const ci = { authorization: "Bearer token-of-ci" };
const wrong = { authorization: basic("alice", "wrong") };

test("whoever has not logged in is asked to, whatever they ask for, and upstream hears nothing of it", async () => {
  await using scene = await loginScene();

  for (const target of scene.everyKindOf("library/app")) {
    const answer = await scene.mirror.get(target);
    assertChallenged(answer, target);
  }
  assert.equal(scene.upstream.requests.length, 0);
});

test("who has logged in may pull everything: by name and password, by token as a password, by Bearer", async () => {
  await using scene = await loginScene();
  const tokenAsPassword = { authorization: basic("ci", "token-of-ci") };

  for (const headers of [alice, bob, ci, tokenAsPassword])
    for (const target of scene.everyKindOf("library/app")) {
      const { status } = await scene.mirror.get(target, headers);
      assert.equal(status, 200, `${target} ${headers.authorization}`);
    }
});

test("a login that is wrong gets the challenge, also where nobody need log in", async () => {
  await using scene = await loginScene({ access: [rule({ match: "*" })] });

  const malformed = ["Basic", "Basic !", `Basic ${btoa("no colon")}`, "Digest x", "Bearer"];
  for (const authorization of [wrong.authorization, ...malformed]) {
    const answer = await scene.mirror.get("/v2/library/app/manifests/1", { authorization });
    assertChallenged(answer, authorization);
  }
  assert.equal((await scene.mirror.get("/v2/library/app/manifests/1")).status, 200);
});

test("without server.auth the logins that callers send are not looked at, and no upstream ever sees them", async () => {
  await using scene = await loginScene({ auth: null });

  for (const headers of [alice, { authorization: "nonsense CANARY" }])
    for (const target of scene.everyKindOf("library/app")) {
      const { status } = await scene.mirror.get(target, headers);
      assert.equal(status, 200, target);
    }
  assert.ok(scene.upstream.requests.length > 0);
  for (const { headers } of scene.upstream.requests) assert.equal(headers.authorization, undefined);
});

test("the login of a user reaches no upstream and no line of the log, its name does the log", async () => {
  await using scene = await loginScene();

  for (const target of scene.everyKindOf("library/app")) await scene.mirror.get(target, alice);
  await scene.mirror.get("/v2/", wrong);
  await scene.mirror.get("/v2/", ci);

  assert.ok(scene.upstream.requests.length > 0);
  for (const { headers } of scene.upstream.requests) assert.equal(headers.authorization, undefined);
  const log = JSON.stringify(scene.mirror.logLines);
  const secrets = [alice, wrong, ci].map(({ authorization }) => authorization.split(" ")[1] ?? "");
  for (const secret of [...secrets, "secret of", "token-of"]) assert.ok(!log.includes(secret));
  const served = scene.mirror.logLines.filter(({ msg }) => msg === "request served");
  assert.deepEqual(new Set(served.map(({ user }) => user)), new Set(["alice", "ci"]));
});

test("health is told to everybody", async () => {
  await using scene = await loginScene();

  for (const target of ["/healthz", "/readyz"])
    assert.equal((await scene.mirror.get(target, wrong)).status, 200);
});

test("a user who may not pull something is refused with the rule's words, others are asked to log in", async () => {
  await using scene = await loginScene({
    access: [
      rule({ match: "docker.io/private/*", users: ["alice"] }),
      rule({ match: "docker.io/private/*", users: ["logged-in"], denial: "ask alice" }),
      rule({ match: "docker.io/library/*" }),
    ],
  });
  const { mirror, upstream } = scene;

  for (const target of scene.everyKindOf("private/app").filter((one) => one !== "/v2/")) {
    assertChallenged(await mirror.get(target), target);
    const refused = await mirror.get(target, bob);
    assert.equal(refused.status, 403, target);
    const [error] = JSON.parse(refused.body.toString()).errors;
    const detail = { rule: "server.access[1]" };
    assert.deepEqual(error, { code: "DENIED", message: "ask alice", detail });
  }
  assert.equal(upstream.requests.length, 0);
  for (const target of scene.everyKindOf("private/app"))
    assert.equal((await mirror.get(target, alice)).status, 200, target);
  for (const target of scene.everyKindOf("library/app"))
    assert.equal((await mirror.get(target)).status, 200, target);
});

test("what no rule fits is refused, and a login is asked for only where it would help", async () => {
  await using scene = await loginScene({
    access: [rule({ match: "docker.io/library/*" })],
  });
  const target = "/v2/private/app/manifests/1";

  for (const headers of [{}, alice]) {
    const answer = await scene.mirror.get(target, headers);
    assert.equal(answer.status, 403);
    assert.equal(answer.headers["www-authenticate"], undefined);
    const [error] = JSON.parse(answer.body.toString()).errors;
    assert.match(error.message, /may not pull docker\.io\/private\/app/);
  }
});

test("a rule is about what is pulled, in whatever way it is asked for", async () => {
  await using scene = await loginScene({
    access: [
      rule({ match: "docker.io/library/app", users: ["alice"] }),
      rule({ match: "docker.io/private/*" }),
    ],
  });
  const ways = [
    "/v2/library/app/manifests/1",
    "/v2/app/manifests/1",
    "/v2/docker.io/app/manifests/1",
    "/v2/index.docker.io/library/app/manifests/1",
    "/docker.io/v2/library/app/manifests/1",
    "/v2/library/app/manifests/1?ns=docker.io",
    "/v2/app/manifests/1?ns=registry-1.docker.io",
  ];
  const noWays = [
    "/v2/library%2Fapp/manifests/1",
    "/v2/library/./app/manifests/1",
    "/v2/private/../library/app/manifests/1",
    "//v2/library/app/manifests/1",
    "/v2//library/app/manifests/1",
    "/v2/LIBRARY/app/manifests/1",
  ];

  for (const target of ways) {
    assertChallenged(await scene.mirror.get(target), target);
    assert.equal((await scene.mirror.get(target, bob)).status, 403, target);
  }
  for (const target of noWays)
    for (const headers of [{}, bob, alice]) {
      const { status } = await scene.mirror.get(target, headers);
      assert.ok([400, 404].includes(status), `${status} ${target}`);
    }
  assert.equal(scene.upstream.requests.length, 0);
  for (const target of ways)
    assert.equal((await scene.mirror.get(target, alice)).status, 200, target);
});

test("the list of repositories has what the caller may pull and nothing else", async () => {
  await using scene = await loginScene({
    access: [
      rule({ match: "docker.io/private/*", users: ["alice"] }),
      rule({ match: "docker.io/library/*" }),
    ],
  });
  for (const name of ["library/app", "private/app"])
    assert.equal((await scene.mirror.get(`/v2/${name}/manifests/1`, alice)).status, 200);
  const listed = async (headers: Record<string, string>): Promise<unknown> => {
    const { body } = await scene.mirror.get("/v2/_catalog?n=1", headers);
    return JSON.parse(body.toString()).repositories;
  };

  assert.deepEqual(await listed({}), ["library/app"]);
  assert.deepEqual(await listed(bob), ["library/app"]);
  const { body, headers } = await scene.mirror.get("/v2/_catalog", alice);
  assert.deepEqual(JSON.parse(body.toString()).repositories, ["library/app", "private/app"]);
  assert.equal(headers["link"], undefined);
});

test("/v2/ asks for a login where nobody may pull anything without, and offers it where some may", async () => {
  await using scene = await loginScene();
  const greeting = async (headers = {}): Promise<[number, string | undefined]> => {
    const answer = await scene.mirror.get("/v2/", headers);
    return [answer.status, answer.headers["www-authenticate"]];
  };

  assert.deepEqual(await greeting(), [401, 'Basic realm="sluice"']);
  assert.deepEqual(await greeting(alice), [200, undefined]);
  scene.mirror.reloadServer({
    auth: scene.files,
    access: [rule({ match: "docker.io/library/*" })],
  });
  assert.deepEqual(await greeting(), [200, 'Basic realm="sluice"']);
  assert.deepEqual(await greeting({ authorization: basic("", "") }), [200, 'Basic realm="sluice"']);
  assert.deepEqual(await greeting(wrong), [401, 'Basic realm="sluice"']);
  scene.mirror.reloadServer({ auth: null, access: null });
  assert.deepEqual(await greeting(wrong), [200, undefined]);
});

test("a rule's networks are compared with the address of the connection, and refuse a user too", async () => {
  const within = (network: string): AccessRule =>
    rule({ match: "*", networks: [parseNetwork(network)].flatMap((one) => one ?? []) });
  await using scene = await loginScene({ auth: null, access: [within("127.0.0.0/8")] });
  const status = async (headers = {}): Promise<number> =>
    (await scene.mirror.get("/v2/library/app/manifests/1", headers)).status;

  assert.equal(await status(), 200);
  assert.equal(await status({ "x-forwarded-for": "192.0.2.1", forwarded: "for=192.0.2.1" }), 200);
  scene.mirror.reloadServer({ auth: null, access: [within("192.0.2.0/24")] });
  assert.equal(await status({ "x-forwarded-for": "192.0.2.1", forwarded: "for=192.0.2.1" }), 403);
  const refused = await scene.mirror.get("/v2/");
  assert.equal(refused.status, 403);
  assert.match(refused.body.toString(), /may pull nothing here/);
});

test("while a file is broken users are told 503 and others to log in; mended, it is taken at once", async () => {
  await using scene = await loginScene();
  assert.equal((await scene.mirror.get("/v2/", alice)).status, 200);

  await writeFile(scene.files.htpasswdFile, "alice:plain\n");
  scene.mirror.reloadServer({ auth: scene.files });
  const closed = await scene.mirror.get("/v2/", ci);

  assert.equal(closed.status, 503);
  assert.match(closed.body.toString(), /"UNAVAILABLE".*nobody can log in/);
  assert.equal(closed.headers["www-authenticate"], undefined);
  assertChallenged(await scene.mirror.get("/v2/"), "without a login");
  assert.equal((await scene.mirror.get("/v2/", alice)).status, 503);
  const [problem] = scene.mirror.logLines.flatMap((line) => line["problem"] ?? []);
  assert.match(String(problem), /htpasswd:1 has no hash that is known/);

  await writeFile(scene.files.htpasswdFile, passwordLine("alice", "secret of alice"));
  assert.equal((await scene.mirror.get("/v2/", alice)).status, 200);
});

test("an address with too many wrong logins is told when to try again, with the status that its client understands", async () => {
  await using scene = await loginScene();
  assert.equal((await scene.mirror.get("/v2/", alice)).status, 200);

  for (let at = 0; at < 30; at++)
    assert.equal((await scene.mirror.get("/v2/", guess(at))).status, 401);
  const limited = await scene.mirror.get("/v2/", guess(30));
  const told = await scene.mirror.get("/v2/", { ...guess(31), "user-agent": "containerd/2.0" });

  assert.equal(limited.status, 429);
  assert.equal(limited.headers["retry-after"], "2");
  assert.match(limited.body.toString(), /"TOOMANYREQUESTS".*too many logins from this address/);
  assert.equal(told.status, 503);
  assert.equal((await scene.mirror.get("/v2/", alice)).status, 200);
  scene.mirror.advance(2_000);
  assert.equal((await scene.mirror.get("/v2/", guess(32))).status, 401);
});

test("a challenge is no error of the mirror in its metrics, a wrong login is a failure", async () => {
  await using scene = await loginScene();
  await scene.mirror.get("/v2/library/app/manifests/1");
  await scene.mirror.get("/v2/library/app/manifests/1", wrong);

  const metrics = (await scene.mirror.admin("/metrics")).body.toString();

  assert.match(metrics, /sluice_requests_total\{upstream="",kind="manifest",outcome="none"\} 2\n/);
  assert.doesNotMatch(metrics, /sluice_requests_total\{[^}]*outcome="error"/);
  assert.match(
    metrics,
    /sluice_authentication_failures_total\{listener="server",reason="wrong"\} 1\n/,
  );
});

test("a request with two Authorization headers is refused", async () => {
  await using scene = await loginScene();
  const { authorization } = wrong;

  const twice = await rawRequest(scene.mirror.url, "GET", "/v2/", {
    authorization,
    Authorization: alice.authorization,
  });

  assert.equal(twice.status, 400);
  assert.match(twice.body.toString(), /two Authorization headers/);
});

test("a request to write is told that this is a mirror, whoever sends it", async () => {
  await using scene = await loginScene();

  const answer = await rawRequest(scene.mirror.url, "POST", "/v2/library/app/blobs/uploads/", {});

  assert.equal(answer.status, 405);
});

test("another mirror logs in with the credentials of its upstream, and what its callers send goes no further", async () => {
  await using scene = await loginScene();
  const credentials = { kind: "password", username: "alice", password: "secret of alice" } as const;
  const child = (password: string): Promise<TestMirror> =>
    TestMirror.start({
      upstreams: { "docker.io": scene.mirror.url },
      settings: { "docker.io": { credentials: [{ ...credentials, password }], access: "shared" } },
    });
  await using right = await child("secret of alice");
  await using other = await child("wrong");

  for (const target of scene.everyKindOf("library/app"))
    assert.equal((await right.get(target, wrong)).status, 200, target);
  const refused = await other.get("/v2/library/app/manifests/1", alice);

  assert.equal(refused.status, 403);
  const users = scene.mirror.logLines.flatMap(({ user }) => user ?? []);
  assert.deepEqual(new Set(users), new Set(["alice"]));
});

function guess(at: number): { readonly authorization: string } {
  return { authorization: `Bearer guess-${at}` };
}

function assertChallenged(answer: RawAnswer, of: string): void {
  assert.equal(answer.status, 401, of);
  assert.equal(answer.headers["www-authenticate"], 'Basic realm="sluice"');
  assert.equal(answer.headers["content-type"], "application/json");
  const { errors } = JSON.parse(answer.body.toString());
  assert.equal(errors[0].code, "UNAUTHORIZED");
}

function rule(written: Pick<AccessRule, "match"> & Partial<AccessRule>): AccessRule {
  return { users: null, networks: null, denial: null, ...written };
}

/** A mirror at which alice and bob can log in with passwords, and ci with a token; docker.io has two repositories. */
async function loginScene(server: Partial<ServerConfig> = {}) {
  await using stack = new AsyncDisposableStack();
  const { path: directory } = stack.use(await mkdtempDisposable(join(tmpdir(), "sluice-logins-")));
  const files = {
    htpasswdFile: join(directory, "htpasswd"),
    tokensFile: join(directory, "tokens"),
  };
  const passwords = ["alice", "bob"].map((name) => passwordLine(name, `secret of ${name}`));
  await writeFile(files.htpasswdFile, passwords.join(""));
  await writeFile(files.tokensFile, tokenLine("ci", "token-of-ci"));
  const upstream = stack.use(await FakeUpstream.start());
  const images: Record<string, TestImage> = {};
  for (const name of ["library/app", "private/app"]) {
    const image = imageOfSize(name, 10_000);
    images[name] = image;
    upstream.addImage(name, "1", image);
  }
  const mirror = stack.use(
    await TestMirror.start({
      upstreams: { "docker.io": upstream },
      server: { auth: files, ...server },
    }),
  );
  const running = stack.move();
  return {
    mirror,
    upstream,
    files,
    /** A request of each kind that can be made of a repository, and of none. */
    everyKindOf: (name: string): string[] => {
      const image = images[name];
      if (!image) throw new Error(`no image ${name}`);
      return [
        "/v2/",
        `/v2/${name}/manifests/1`,
        `/v2/${name}/manifests/${image.manifest.digest}`,
        `/v2/${name}/blobs/${topLayerOf(image).digest}`,
        `/v2/${name}/tags/list`,
        `/v2/${name}/referrers/${image.manifest.digest}`,
      ];
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
