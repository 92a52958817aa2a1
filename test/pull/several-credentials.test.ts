import assert from "node:assert/strict";
import { test } from "node:test";
import type { CredentialsConfig } from "../../src/config/config.ts";
import { imageOfSize, type TestImage, topLayerOf } from "../support/images.ts";
import { LimitingRegistry } from "../support/limiting-registry.ts";
import { TestMirror } from "../support/test-mirror.ts";

const minute = 60_000;

test("the first credentials are asked as until nothing is left, then the next, and the first again later", async () => {
  await using scene = await start(["one", "two"]);
  const { registry, mirror } = scene;
  const { hub, treated } = registry;
  const images = Array.from({ length: 5 }, (_, at) => imageOfSize(`counted ${at}`, 100));
  for (const [at, image] of images.entries()) hub.addImage("team/app", `${at}`, image);
  treated.set("one", { remaining: 2 });
  const pull = async (at: number): Promise<void> => {
    const answer = await mirror.get(`/v2/team/app/manifests/${at}`);
    assert.ok(answer.body.equals(images[at]?.manifest.bytes ?? Buffer.alloc(0)));
  };

  for (const at of [0, 1, 2]) await pull(at);
  treated.set("one", { remaining: 5 });
  // A HEAD is no pull: it is asked as the first one, and so it is known that there are some again.
  await pull(3);
  await pull(4);

  assert.deepEqual(registry.pulls, ["one", "one", "two", "one", "one"]);
  assert.ok(!registry.asked.includes("two: 429"));
});

test("a pull that is refused for its limit is asked for again at once as the next, and nobody notices", async () => {
  await using scene = await start(["one", "two", "nobody"], { tokens: true });
  const { registry, mirror } = scene;
  const { hub, treated } = registry;
  const image = imageOfSize("limited", 100);
  hub.addImage("team/app", "1", image);
  const layer = topLayerOf(image);
  treated.set("one", { limited: {} });
  treated.set("two", { limited: { retryAfter: "60" } });

  const answers = [
    await mirror.get("/v2/team/app/manifests/1"),
    await mirror.get(`/v2/team/app/blobs/${layer.digest}`),
    await mirror.get("/v2/team/app/tags/list"),
  ];

  for (const answer of answers) assert.equal(answer.status, 200);
  // Who asked for a minute is not asked within it; who did not say is asked last.
  assert.deepEqual(
    registry.asked.filter((line) => line.includes("429")),
    ["one: 429", "two: 429"],
  );
  treated.set("one", {});
  treated.set("two", {});
  mirror.advance(5 * minute);
  await mirror.get("/v2/team/app/tags/list");
  assert.equal(registry.asked.at(-1), "one: 200");
});

test("when all are limited the client is told when the first of them may ask again, and none is asked before", async () => {
  await using scene = await start(["one", "two"]);
  const { registry, mirror } = scene;
  const { hub, treated } = registry;
  hub.addImage("team/app", "1", imageOfSize("all limited", 100));
  treated.set("one", { limited: { retryAfter: "100" } });
  treated.set("two", { limited: { retryAfter: "30" } });

  const first = await mirror.get("/v2/team/app/manifests/1");
  const before = registry.asked.length;
  mirror.advance(29_999);
  const second = await mirror.get("/v2/team/app/manifests/1");
  assert.equal(registry.asked.length, before);
  treated.set("two", {});
  mirror.advance(1);
  const third = await mirror.get("/v2/team/app/manifests/1");

  assert.deepEqual([first.status, first.headers["retry-after"]], [429, "30"]);
  assert.deepEqual([second.status, second.headers["retry-after"]], [429, "1"]);
  assert.equal(third.status, 200);
  assert.ok(!registry.asked.slice(before).includes("one: 429"));
});

test("a limit that the token server tells is the account's, and the next one is asked as", async () => {
  await using scene = await start(["one", "two"], { tokens: true });
  const { registry, mirror } = scene;
  const { hub, treated } = registry;
  hub.addImage("team/app", "1", imageOfSize("tokens", 100));
  treated.set("one", { limited: { retryAfter: "100" } });

  const answer = await mirror.get("/v2/team/app/manifests/1");

  assert.equal(answer.status, 200);
  assert.equal(registry.asked.filter((line) => line === "one: 429").length, 1);
});

for (const refusal of [401, 403, 404]) {
  test(`what the next credentials are told by ${refusal} is not believed, and not remembered`, async () => {
    await using scene = await start(["one", "two"]);
    const { registry, mirror } = scene;
    const { hub, treated } = registry;
    const image = imageOfSize(`private ${refusal}`, 100);
    const layer = topLayerOf(image);
    hub.addImage("team/app", "1", image);
    await pullAll(mirror, image);
    const unseen = imageOfSize(`unseen ${refusal}`, 100);
    hub.addImage("team/app", "2", unseen);
    treated.set("one", { limited: { retryAfter: "100" } });
    treated.set("two", { refusal });
    mirror.advance(minute);

    const stale = await mirror.get("/v2/team/app/manifests/1");
    const cold = await mirror.get("/v2/team/app/manifests/2");
    const blob = await mirror.get(`/v2/team/app/blobs/${layer.digest}`);

    assert.equal(stale.status, 200);
    assert.match(stale.headers["cache-status"] ?? "", /fwd=stale; .*429/);
    assert.equal(cold.status, 429);
    assert.equal(blob.headers["cache-status"], "sluice; hit");
    treated.set("one", {});
    mirror.advance(100_000);
    assert.equal((await mirror.get("/v2/team/app/manifests/1")).status, 200);
    assert.ok((await mirror.get("/v2/team/app/manifests/2")).body.equals(unseen.manifest.bytes));
  });
}

test("what the next credentials are refused keeps nobody from what they may pull", async () => {
  // The 429 of the first one stood for the whole endpoint, which was left alone for as long as that one had to be.
  await using scene = await start(["one", "nobody"], { tokens: true });
  const { registry, mirror } = scene;
  const { hub, treated } = registry;
  hub.addImage("team/app", "1", imageOfSize("pullable", 100));
  treated.set("one", { limited: { retryAfter: "100" } });

  const unknown = await mirror.get("/v2/team/app/manifests/nowhere");
  const afterLimit = await mirror.get("/v2/team/app/manifests/1");
  const unknownAgain = await mirror.get("/v2/team/app/manifests/elsewhere");
  const list = await mirror.get("/v2/team/app/tags/list");

  for (const refused of [unknown, unknownAgain]) {
    assert.deepEqual([refused.status, refused.headers["retry-after"]], [429, "100"]);
  }
  assert.deepEqual([afterLimit.status, list.status], [200, 200]);
  assert.equal(registry.asked.filter((line) => line === "one: 429").length, 1);
});

test("what the next credentials are refused is asked for again with the first, where these may ask", async () => {
  await using scene = await start(["one", "two"]);
  const { registry, mirror } = scene;
  const { hub, treated } = registry;
  hub.addImage("team/app", "1", imageOfSize("of the first", 100));
  // It did not say for how long: so it comes last, and may be asked.
  treated.set("one", { limited: {} });
  await mirror.get("/v2/team/app/tags/list");
  treated.set("one", {});
  treated.set("two", { refusal: 404 });

  const answer = await mirror.get("/v2/team/app/manifests/1");

  assert.equal(answer.status, 200);
});

for (const [what, second] of Object.entries({
  "their token server refuses": { kind: "password", username: "two", password: "s3cret" },
  "cannot be had": { kind: "password-file", username: "two", file: "/nowhere/at/all" },
} satisfies Record<string, CredentialsConfig>)) {
  test(`further credentials that ${what} take nothing from the first`, async () => {
    await using scene = await start([credentialsOf("one"), second], { tokens: true });
    const { registry, mirror } = scene;
    const { hub, treated } = registry;
    const image = imageOfSize(`of the first, ${what}`, 100);
    hub.addImage("team/app", "1", image);
    await pullAll(mirror, image);
    treated.set("one", { limited: { retryAfter: "100" } });
    treated.set("two", { refusal: 401 });
    mirror.advance(minute);

    const warm = await mirror.get("/v2/team/app/manifests/1");
    const cold = await mirror.get("/v2/team/app/manifests/2");

    assert.ok(warm.body.equals(image.manifest.bytes));
    assert.deepEqual([cold.status, cold.headers["retry-after"]], [429, "100"]);
  });
}

test("anonymous requests are made only where the configuration says so", async () => {
  for (const names of [["one"], ["one", "nobody"]]) {
    await using scene = await start(names, { tokens: true });
    const { registry, mirror } = scene;
    const { hub, treated } = registry;
    hub.addImage("team/app", "1", imageOfSize("for anybody", 100));
    treated.set("one", { limited: { retryAfter: "100" } });

    const answer = await mirror.get("/v2/team/app/manifests/1");

    assert.equal(answer.status, names.length === 1 ? 429 : 200);
    assert.equal(registry.asked.includes("nobody: 200"), names.length === 2);
  }
});

/** Whole, for what lacks a part is not given while upstream cannot be asked for it. */
async function pullAll(mirror: TestMirror, image: TestImage): Promise<void> {
  await mirror.get("/v2/team/app/manifests/1");
  for (const { digest } of image.blobs) await mirror.get(`/v2/team/app/blobs/${digest}`);
  await mirror.idle();
}

interface Scene extends AsyncDisposable {
  readonly registry: LimitingRegistry;
  readonly mirror: TestMirror;
}

async function start(
  accounts: readonly (string | CredentialsConfig)[],
  options: { readonly tokens?: boolean } = {},
): Promise<Scene> {
  await using resources = new AsyncDisposableStack();
  const registry = resources.use(await LimitingRegistry.start(options));
  const credentials = accounts.map((one) => (typeof one === "string" ? credentialsOf(one) : one));
  const mirror = resources.use(
    await TestMirror.start({
      upstreams: { "docker.io": registry.hub },
      settings: { "docker.io": { credentials, access: "shared" } },
    }),
  );
  const kept = resources.move();
  return { registry, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}

function credentialsOf(username: string): CredentialsConfig {
  if (username === "nobody") return { kind: "anonymous" };
  return { kind: "password", username, password: "s3cret" };
}
