import assert from "node:assert/strict";
import { test } from "node:test";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { rawRequest } from "../support/raw-client.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = imageOfSize("looped", 100_000);
const layer = topLayerOf(image);
const targets: readonly string[] = [
  "/v2/team/app/manifests/latest",
  `/v2/team/app/manifests/${image.manifest.digest}`,
  `/v2/team/app/blobs/${layer.digest}`,
  "/v2/team/app/tags/list",
  `/v2/team/app/referrers/${image.manifest.digest}`,
];

test("every question to an upstream says that it came through this mirror, which has another name in each process", async () => {
  const names: unknown[] = [];
  for (let turn = 0; turn < 2; turn++) {
    await using scene = await start();
    for (const target of targets) await scene.mirror.get(target);
    await scene.mirror.idle();
    const seen = new Set(scene.hub.requests.map(({ headers }) => headers["cdn-loop"]));
    assert.equal(seen.size, 1);
    names.push(...seen);
  }

  for (const name of names) assert.match(String(name), /^sluice-[0-9a-f]{12}$/);
  assert.equal(new Set(names).size, 2);
});

const others: Readonly<Record<string, string>> = {
  "another mirror": "sluice-000000000000",
  several: "cloudflare, fastly;v=1, sluice-000000000000",
  "odd spaces": " cloudflare ,\tfastly ",
  "one of a name that begins as ours": "OURS-and-more",
};

for (const [what, header] of Object.entries(others)) {
  test(`a request that came through ${what} is served, and this mirror named behind that to upstream`, async () => {
    await using scene = await start();
    const { hub, mirror } = scene;
    const name = await nameOf(scene);
    const before = hub.requests.length;

    for (const target of targets) {
      const answer = await mirror.get(target, { "cdn-loop": header.replace("OURS", name) });
      assert.equal(answer.status, 200);
    }
    await mirror.idle();

    const expected = header
      .replace("OURS", name)
      .split(",")
      .map((one) => one.trim());
    const asked = hub.requests.slice(before);
    assert.ok(asked.length > 0);
    for (const { headers } of asked) {
      assert.equal(headers["cdn-loop"], [...expected, name].join(", "));
    }
  });
}

const returned: readonly string[] = [
  "OURS",
  "OURS, sluice-000000000000",
  "a,OURS,b",
  "a, OURS ;v=1",
  `${"a, ".repeat(18)}OURS`,
];

for (const header of returned) {
  test(`a request that has come back to this mirror is refused, warm or cold: ${header}`, async () => {
    await using scene = await start();
    const { hub, mirror } = scene;
    const name = await nameOf(scene);
    const before = hub.requests.length;

    for (const target of [...targets, "/v2/never/seen/manifests/1"]) {
      const answer = await mirror.get(target, { "cdn-loop": header.replace("OURS", name) });
      assert.equal(answer.status, 508);
      const [error] = JSON.parse(answer.body.toString()).errors;
      assert.equal(error.code, "UNAVAILABLE");
      assert.match(error.message, /come back to this mirror.*endpoint/);
    }
    assert.equal(hub.requests.length, before);
  });
}

const garbage: Readonly<Record<string, string>> = {
  "twenty mirrors": Array.from({ length: 20 }, (_, at) => `m${at}`).join(","),
  "2,001 characters": "x".repeat(2_001),
  "8 KiB of commas": ",".repeat(8_192),
  "letters that no header has": "caf\u00e9",
};

for (const [what, header] of Object.entries(garbage)) {
  test(`a header of ${what} is refused at once, and not passed on`, async () => {
    await using scene = await start();
    const { hub, mirror } = scene;

    const answer = await mirror.get(targets[0] ?? "", { "cdn-loop": header });

    assert.equal(answer.status, 508);
    assert.ok(answer.complete);
    assert.equal(hub.requests.length, 0);
  });
}

test("the ping and the health of a mirror are told to anyone, through whatever mirrors they ask", async () => {
  await using scene = await start();
  const name = await nameOf(scene);

  for (const target of ["/v2/", "/healthz", "/readyz"]) {
    assert.equal((await scene.mirror.get(target, { "cdn-loop": name })).status, 200);
  }
});

test("two mirrors that point at each other answer with an error, and with what is here", async () => {
  await using hub = await FakeUpstream.start();
  hub.addImage("team/app", "latest", image);
  await using one = await TestMirror.start({ upstreams: { "docker.io": hub } });
  await using other = await TestMirror.start({ upstreams: { "docker.io": one.url } });
  await one.get(`/v2/team/app/blobs/${layer.digest}`);
  await one.idle();
  one.reload({ "docker.io": other.url });

  for (const mirror of [one, other]) {
    for (const target of targets.filter((path) => !path.includes("/blobs/"))) {
      const answer = await mirror.get(target);
      assertTrouble(answer, target);
    }
  }
  assert.deepEqual((await other.get(`/v2/team/app/blobs/${layer.digest}`)).body, layer.bytes);
});

/** 503 once the endpoint is left alone for that. */
function assertTrouble(answer: { status: number | null; body: Buffer }, target: string): void {
  assert.ok(answer.status === 502 || answer.status === 503, `${target}: ${answer.status}`);
  assert.match(answer.body.toString(), /docker\.io .*answered with status 50[238]/, target);
}

test("a mirror that is its own upstream answers with an error", async () => {
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": "http://127.0.0.1:9" } });
  mirror.reload({ "docker.io": mirror.url });

  for (const target of targets) {
    const answer = await rawRequest(mirror.url, "GET", target);
    assertTrouble(answer, target);
  }
});

test("clients of two mirrors that point at each other end with an error, though each waits for the other's question", async () => {
  const timeouts = { connectMs: 1_000, headersMs: 1_000, answerMs: 1_000, bodyIdleMs: 1_000 };
  const settings = { "docker.io": { timeouts } };
  const nowhere = { "docker.io": "http://127.0.0.1:9" };
  await using one = await TestMirror.start({ upstreams: nowhere, settings });
  await using other = await TestMirror.start({ upstreams: nowhere, settings });
  one.reload({ "docker.io": other.url });
  other.reload({ "docker.io": one.url });

  const pulls = targets.flatMap((target) => [one.get(target), other.get(target)]);

  for (const answer of await Promise.all(pulls)) {
    assert.ok([502, 504].includes(answer.status), `${answer.status}`);
    assert.ok(answer.complete);
  }
});

interface Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
}

async function start(): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const mirror = resources.use(await TestMirror.start({ upstreams: { "docker.io": hub } }));
  hub.addImage("team/app", "latest", image);
  const kept = resources.move();
  return { hub, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

/** What the mirror calls itself. */
async function nameOf({ hub, mirror }: Scene): Promise<string> {
  await mirror.get("/v2/team/app/manifests/name");
  return String(hub.requests.at(-1)?.headers["cdn-loop"]);
}
