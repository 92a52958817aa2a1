import assert from "node:assert/strict";
import { once } from "node:events";
import { readdir, readFile } from "node:fs/promises";
import type { ServerResponse } from "node:http";
import { join } from "node:path";
import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { test } from "node:test";
import type { DoctorAnswer } from "../../src/admin/routes/doctor.ts";
import { askDaemon } from "../../src/cli/control.ts";
import { parseNetwork } from "../../src/config/network.ts";
import { digestOf } from "../../src/oci/digest.ts";
import { layoutOf } from "../../src/storage/layout.ts";
import { eventually } from "../support/eventually.ts";
import {
  basic,
  ForwardingScene,
  loginOf,
  passwordOf,
  type User,
} from "../support/forwarding-scene.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";

const image = imageOfSize("forwarded", 100_000);
const layer = topLayerOf(image);
const byTag = "/v2/team/app/manifests/1";
const byDigest = `/v2/team/app/manifests/${image.manifest.digest}`;
const blob = `/v2/team/app/blobs/${layer.digest}`;
const parts = [byTag, byDigest, blob, "/v2/team/app/tags/list"];

for (const tokens of [false, true]) {
  const how = tokens ? "tokens" : "passwords";
  test(`with ${how}, each caller gets what the registry gives to them, cold and warm, and others do not`, async () => {
    await using scene = await startScene({ tokens });

    for (const turn of ["cold", "warm"]) {
      for (const path of parts) {
        assert.equal(await scene.statusOf(path, "alice"), 200, `${turn} ${path}`);
        assert.equal(await scene.statusOf(path, "bob"), 403, `${turn} ${path}`);
        const nobody = await scene.get(path);
        assert.equal(nobody.status, 401, `${turn} ${path}`);
        assert.equal(nobody.headers["www-authenticate"], 'Basic realm="private.test"');
      }
    }
    assert.ok((await scene.get(blob, "alice")).body.equals(layer.bytes));
    assert.equal(scene.hub.count("GET", layer.digest), 1);
  });

  test(`with ${how}, what two callers pull at once is asked for by each as themselves`, async () => {
    await using scene = await startScene({ tokens });
    scene.rights.set("team/other", new Set<User>(["bob"]));
    scene.hub.addImage("team/other", "1", image);
    const asks: readonly (readonly [string, User, number])[] = [
      [blob, "alice", 200],
      [blob, "bob", 403],
      [blob.replace("app", "other"), "bob", 200],
      [blob.replace("app", "other"), "alice", 403],
    ];
    const release = scene.hub.hold("team/app", layer.digest, 50_000);
    const releaseOther = scene.hub.hold("team/other", layer.digest, 50_000);

    const answers = Array.from({ length: 5 }, () => asks).flatMap((turn) =>
      turn.map(async ([path, user, status]) => {
        const answer = await scene.get(path, user);
        assert.equal(answer.status, status, `${user} ${path}`);
        if (status === 200) assert.ok(answer.body.equals(layer.bytes));
      }),
    );
    await eventually("it is being filled", () => scene.hub.count("GET", layer.digest) > 0);
    release();
    releaseOther();
    await Promise.all(answers);

    assert.equal(scene.hub.count("GET", layer.digest), 1);
    assert.ok(!scene.asked.some((one) => one.startsWith("?")), scene.asked.join());
  });
}

test("the right of a caller who has pulled is asked about once, and again when the grant has expired", async () => {
  await using scene = await startScene({ mirror: { freshness: { grantTtlMs: 3_600_000 } } });
  await scene.get(blob, "alice");
  await scene.mirror.idle();
  const before = scene.asked.length;

  for (let turn = 0; turn < 5; turn++) assert.equal(await scene.statusOf(blob, "alice"), 200);
  assert.equal(scene.asked.length, before);
  scene.rights.set("team/app", new Set());
  scene.mirror.advance(3_600_000);

  assert.equal(await scene.statusOf(blob, "alice"), 403);
  assert.equal(await scene.statusOf(blob, "alice"), 403);
});

test("in an outage a caller gets what they pulled before, until the grant has expired, and nobody else does", async () => {
  await using scene = await startScene({ mirror: { freshness: { grantTtlMs: 3_600_000 } } });
  scene.rights.set("team/app", new Set<User>(["alice", "bob"]));
  for (const path of [byTag, byDigest, blob]) await scene.get(path, "alice");
  for (const { digest } of image.blobs) await scene.get(`/v2/team/app/blobs/${digest}`, "alice");
  await scene.mirror.idle();
  await scene.hub.down();
  scene.mirror.advance(120_000);

  for (const path of [byTag, byDigest, blob]) {
    assert.equal(await scene.statusOf(path, "alice"), 200, path);
    for (const other of ["bob", null] as const) {
      assert.ok((await scene.statusOf(path, other)) >= 502, `${other} ${path}`);
    }
  }
  const guessed = await scene.mirror.get(blob, { authorization: basic("alice", "wrong") });
  assert.ok(guessed.status >= 502);
  scene.mirror.advance(3_600_000);
  assert.ok((await scene.statusOf(blob, "alice")) >= 502);
});

test("'not found' for one caller is not told to the others", async () => {
  await using scene = await startScene({ denial: 404 });

  for (const path of [byTag, byDigest, blob]) {
    assert.equal(await scene.statusOf(path, "bob"), 404, path);
    assert.equal(await scene.statusOf(path, "alice"), 200, path);
    assert.equal(await scene.statusOf(path, "bob"), 404, path);
  }
});

test("a refusal of one caller is nothing to another who asks for the same at the same time", async () => {
  await using scene = await startScene();
  scene.rights.set("team/app", new Set<User>(["alice", "bob"]));
  const before = imageOfSize("pulled before", 10);
  scene.hub.addImage("team/app", "before", before);
  for (const user of ["alice", "bob"] as const) {
    assert.equal(await scene.statusOf("/v2/team/app/manifests/before", user), 200);
  }
  for (const path of [byTag, blob]) {
    const bobAsked = Promise.withResolvers<void>();
    const aliceAsked = Promise.withResolvers<void>();
    scene.hub.override(path, async ({ headers: { authorization }, method }, response) => {
      if (authorization === undefined) return challenge(response);
      if (authorization === loginOf("alice")["authorization"]) {
        aliceAsked.resolve();
        // The mirror gives up if nobody else asks meanwhile.
        await Promise.race([bobAsked.promise, once(response, "close")]);
        return void response.writeHead(403).end();
      }
      bobAsked.resolve();
      sendContent(response, path === blob ? layer.bytes : image.manifest.bytes, method);
    });

    const refused = scene.statusOf(path, "alice");
    await aliceAsked.promise;

    assert.equal(await scene.statusOf(path, "bob"), 200, path);
    assert.equal(await refused, 403, path);
  }
});

test("a caller who has lost their right to a repository is told 'not found' while another still pulls from it", async () => {
  await using scene = await startScene({ denial: 404 });
  scene.rights.set("team/app", new Set<User>(["alice", "bob"]));
  const before = imageOfSize("pulled before", 10);
  scene.hub.addImage("team/app", "before", before);
  for (const user of ["alice", "bob"] as const) {
    await scene.get("/v2/team/app/manifests/before", user);
  }
  scene.rights.set("team/app", new Set<User>(["alice"]));

  // What is here by now is given to whoever could pull it today.
  for (const path of [byTag, blob]) {
    assert.equal(await scene.statusOf(path, "bob"), 404, path);
    assert.equal(await scene.statusOf(path, "alice"), 200, path);
  }
});

test("a manifest that names what its repository does not have opens it to nobody, in an outage neither", async () => {
  await using scene = await startScene();
  scene.rights.set("team/evil", new Set<User>(["bob"]));
  scene.hub.addImage("team/evil", "1", { ...image, blobs: [] });
  await scene.get(blob, "alice");
  assert.equal(await scene.statusOf("/v2/team/evil/manifests/1", "bob"), 200);
  await scene.mirror.idle();
  const named = blob.replace("app", "evil");
  assert.equal(await scene.statusOf(named, "bob"), 404);
  scene.mirror.advance(10_000);
  await scene.hub.down();

  assert.ok((await scene.statusOf(named, "bob")) >= 502);
});

test("what the registry gives to anybody is pulled without a login, and with an empty one", async () => {
  await using scene = await startScene();
  scene.rights.set("team/app", new Set<"">([""]));

  assert.equal(await scene.statusOf(blob), 200);
  assert.equal((await scene.mirror.get(blob, { authorization: basic("", "") })).status, 200);
});

test("/v2/ asks for a login and has the registry check it, where the request is for an upstream with access: forward", async () => {
  for (const tokens of [false, true]) {
    await using scene = await startScene({ tokens });
    const base = async (target: string, headers = {}): Promise<number> =>
      (await scene.mirror.get(target, headers)).status;

    assert.equal(await base("/v2/"), 401);
    assert.equal(await base("/v2/?ns=private.test"), 401);
    assert.equal(await base("/v2/?ns=beside.test"), 200);
    assert.equal(await base("/v2/", loginOf("alice")), 200);
    assert.equal(await base("/v2/", { authorization: basic("alice", "wrong") }), 401);
    assert.equal(await base("/v2/", { authorization: "Bearer abc" }), 401);
    // Beside it logins are taken, for what is asked by the prefix of such an upstream, and not needed.
    const beside = await scene.mirror.get("/v2/?ns=beside.test");
    assert.equal(beside.headers["www-authenticate"], 'Basic realm="sluice"');
    await scene.hub.down();
    assert.ok((await base("/v2/", loginOf("alice"))) >= 502);
  }
});

test("a login that is no user and password is answered by the challenge, and goes nowhere", async () => {
  await using scene = await startScene();
  for (const authorization of ["Bearer abc", "Basic ???", "Basic", `${"x".repeat(5_000)}`]) {
    assert.equal((await scene.mirror.get(blob, { authorization })).status, 401, authorization);
  }
  assert.deepEqual(scene.asked, []);
});

test("a login goes to its upstream only, and is neither stored nor logged", async () => {
  await using scene = await startScene();
  scene.beside.addImage("team/app", "1", image);
  for (const path of parts) await scene.get(path, "alice");
  await scene.mirror.get("/v2/team/app/manifests/1?ns=beside.test", loginOf("alice"));
  await scene.mirror.get(byTag, { authorization: basic("alice", "guessed-wrong") });
  await scene.mirror.idle();

  for (const { headers } of scene.beside.requests) assert.equal(headers.authorization, undefined);
  assert.ok(scene.beside.requests.length > 0);
  const told = JSON.stringify(scene.mirror.logLines) + (await scene.mirror.admin("/metrics")).body;
  const { directory } = scene.mirror;
  const files = (await readdir(directory, { recursive: true, withFileTypes: true })).filter((one) =>
    one.isFile(),
  );
  const stored = await Promise.all(files.map((one) => readFile(join(one.parentPath, one.name))));
  for (const secret of [
    passwordOf("alice"),
    "guessed-wrong",
    basic("alice", passwordOf("alice")),
  ]) {
    const shown = secret.replace("Basic ", "");
    assert.ok(!told.includes(shown));
    assert.ok(!stored.some((bytes) => bytes.includes(shown)));
  }
});

test("a token server on another host is not shown the login", async () => {
  await using scene = await startScene({ tokens: true });
  scene.hub.overrideAll((_, response) => {
    const realm = `Bearer realm="${scene.beside.url}/token",service="x"`;
    response.writeHead(401, { "www-authenticate": realm }).end();
  });

  assert.ok((await scene.statusOf(byTag, "alice")) >= 500);

  assert.deepEqual(scene.beside.requests, []);
});

test("a caller whom the registry limits keeps no other waiting", async () => {
  await using scene = await startScene();
  scene.rights.set("team/app", new Set<User>(["alice", "bob"]));
  const { authorization } = loginOf("alice");
  scene.hub.override(byTag, (request, response) => {
    if (request.headers.authorization === undefined) return challenge(response);
    if (request.headers.authorization === authorization) {
      return void response.writeHead(429, { "retry-after": "60" }).end();
    }
    sendContent(response, image.manifest.bytes, request.method);
  });

  const limited = await scene.get(byTag, "alice");
  const before = scene.hub.requests.length;
  const again = await scene.get(byTag, "alice");

  assert.deepEqual([limited.status, again.status], [429, 429]);
  assert.equal(again.headers["retry-after"], "60");
  assert.equal(scene.hub.requests.length, before, "nor is it asked again by them meanwhile");
  assert.equal(await scene.statusOf(byTag, "bob"), 200);
});

test("a caller who guesses passwords is soon told to wait, and the registry hears of no more guesses", async () => {
  await using scene = await startScene();
  const guess = async (at: number): Promise<number> => {
    const authorization = basic("alice", `guess ${at}`);
    return (await scene.mirror.get(byTag, { authorization })).status;
  };
  const statuses: number[] = [];
  for (let at = 0; at < 40; at++) statuses.push(await guess(at));

  assert.equal(statuses.filter((status) => status === 401).length, 30);
  assert.equal(statuses.at(-1), 429);
  assert.equal(scene.asked.filter((one) => one.startsWith("?")).length, 30);
});

for (const tokens of [false, true]) {
  const how = tokens ? "tokens" : "passwords";
  // Each was let go on before the registry had said what it made of the others.
  test(`with ${how}, guesses that come all at once are no more than those that come one by one`, async () => {
    await using scene = await startScene({ tokens });
    const burst = async (password: (at: number) => string): Promise<readonly number[]> => {
      const asks = Array.from({ length: 100 }, async (_, at) => {
        const authorization = basic("alice", password(at));
        return (await scene.mirror.get(`/v2/team/app${at}/manifests/1`, { authorization })).status;
      });
      return await Promise.all(asks);
    };
    const wrong = (): number => scene.asked.filter((one) => one.startsWith("?")).length;

    const statuses = await burst((at) => `guess ${at}`);
    assert.equal(statuses.filter((status) => status === 401).length, 30);
    assert.equal(statuses.filter((status) => status === 429).length, 70);
    assert.equal(wrong(), 30);
    scene.mirror.advance(2_000);
    await burst(() => "the same");
    assert.equal(wrong(), 31);
    assert.equal(await scene.statusOf("/v2/", "alice"), 429, "nor are they tried by docker login");
    assert.equal(wrong(), 31);
  });
}

test("the doctor finds nothing wrong with an upstream that asks each caller for a login, and needs none of its own", async () => {
  await using scene = await startScene();
  const answer = await askDaemon(layoutOf(scene.mirror.directory), { path: "/api/v1/doctor" });
  const { findings }: DoctorAnswer = JSON.parse(await text(answer?.body ?? Readable.from([])));
  const about = (subject: string, verdict: string): string[] =>
    findings
      .filter((one) => one.subject === subject && one.verdict === verdict)
      .map(({ found }) => found);

  assert.deepEqual(about("clients", "fail"), []);
  assert.deepEqual([...about("private.test", "warn"), ...about("private.test", "fail")], []);
  assert.ok(about("private.test", "ok").length > 0);
});

test("the list of repositories has what the caller who asks has pulled, and nothing of others", async () => {
  await using scene = await startScene();
  await scene.get(blob, "alice");
  await scene.get(byTag, "alice");
  await scene.mirror.idle();
  const listed = async (user: User | null): Promise<unknown> =>
    JSON.parse((await scene.get("/v2/_catalog?ns=private.test", user)).body.toString());

  assert.deepEqual(await listed("alice"), { repositories: ["team/app"] });
  assert.deepEqual(await listed("bob"), { repositories: [] });
  assert.deepEqual(await listed(null), { repositories: [] });
});

test("the list of all repositories goes without an upstream that no login can be taken for", async () => {
  const proxies = [parseNetwork("127.0.0.1/32") ?? assert.fail()];
  await using scene = await startScene({ mirror: { server: { trustedProxies: proxies } } });
  const secure = { "x-forwarded-proto": "https" };
  scene.beside.addImage("team/beside", "1", image);
  await scene.mirror.get("/v2/beside.test/team/beside/manifests/1");
  await scene.mirror.get(byTag, { ...loginOf("alice"), ...secure });
  await scene.mirror.idle();
  const list = async (target: string, headers: Record<string, string>): Promise<unknown> => {
    const { status, body } = await scene.mirror.get(target, headers);
    return status === 200 ? JSON.parse(body.toString()).repositories : status;
  };
  const bearer = { authorization: "Bearer of-another-registry", ...secure };
  const besideAlone = ["beside.test/team/beside"];

  assert.deepEqual(await list("/v2/_catalog", { ...loginOf("alice"), ...secure }), [
    ...besideAlone,
    "team/app",
  ]);
  assert.deepEqual(await list("/v2/_catalog", loginOf("alice")), besideAlone);
  assert.deepEqual(await list("/v2/_catalog", bearer), besideAlone);
  assert.equal(await list("/v2/_catalog?ns=private.test", loginOf("alice")), 403);
  assert.equal(await list("/v2/_catalog?ns=private.test", bearer), 401);
});

function challenge(response: ServerResponse): void {
  response.writeHead(401, { "www-authenticate": 'Basic realm="x"' }).end();
}

function sendContent(response: ServerResponse, bytes: Buffer, method: string | undefined): void {
  response.writeHead(200, {
    "content-type": image.manifest.mediaType,
    "content-length": bytes.length,
    "docker-content-digest": digestOf(bytes),
  });
  response.end(method === "HEAD" ? undefined : bytes);
}

async function startScene(
  options: Parameters<typeof ForwardingScene.start>[0] = {},
): Promise<ForwardingScene> {
  const scene = await ForwardingScene.start(options);
  scene.hub.addImage("team/app", "1", image);
  scene.rights.set("team/app", new Set<User>(["alice"]));
  return scene;
}
