import assert from "node:assert/strict";
import { test } from "node:test";
import type { Repository } from "../../src/oci/repository.ts";
import { NoToken, TokenSource } from "../../src/upstream/token-source.ts";

const challenge = { realm: "https://auth.example.com/token", service: "registry" };
const repository = "owner/app" as Repository;

/** A token source with a clock that is moved by hand, and a server that numbers its tokens. */
function lab(expiresIn: unknown): {
  token: () => Promise<string>;
  forget: (text: string) => void;
  advance: (seconds: number) => void;
} {
  let nowMs = 1_000_000;
  let asked = 0;
  const source = new TokenSource(() => nowMs);
  const ask = async (): Promise<Buffer> =>
    Buffer.from(JSON.stringify({ token: `t${asked++}`, expires_in: expiresIn }));
  return {
    token: () => source.token(challenge, repository, ask),
    forget: (text) => source.forget(challenge, repository, text),
    advance: (seconds) => {
      nowMs += seconds * 1000;
    },
  };
}

// A tenth of a life is left for the request itself; nothing is believed for more than an hour.
const lives: readonly (readonly [expiresIn: unknown, usedSeconds: number])[] = [
  [300, 270],
  [60, 54],
  [3600, 3240],
  [3601, 3240],
  [1e12, 3240],
  [1e308, 3240],
  [undefined, 54],
  [null, 54],
  ["300", 54],
  [{}, 54],
];

for (const [expiresIn, usedSeconds] of lives) {
  test(`a token with expires_in ${JSON.stringify(expiresIn)} is used for ${usedSeconds} s`, async () => {
    const { token, advance } = lab(expiresIn);
    assert.equal(await token(), "t0");

    advance(usedSeconds - 1);
    assert.equal(await token(), "t0");

    advance(1);
    assert.equal(await token(), "t1");
  });
}

for (const expiresIn of [0, -1, -1e12, 0.0]) {
  test(`a token with expires_in ${expiresIn} is used once`, async () => {
    const { token } = lab(expiresIn);

    assert.deepEqual([await token(), await token()], ["t0", "t1"]);
  });
}

test("callers at the same time share one request, also for a token that is used once", async () => {
  const { token } = lab(0);

  assert.deepEqual(await Promise.all([token(), token(), token()]), ["t0", "t0", "t0"]);
});

test("a token that is forgotten is asked for again", async () => {
  const { token, forget } = lab(300);
  forget(await token());

  assert.equal(await token(), "t1");
});

test("who forgets late forgets nothing: a newer token stays", async () => {
  const { token, forget } = lab(300);
  const old = await token();
  forget(old);
  await token();
  forget(old);

  assert.equal(await token(), "t1");
});

test("a request that fails fails for all who waited, and the next one asks again", async () => {
  const source = new TokenSource(() => 0);
  const down = new Error("down");
  const failing = (): Promise<Buffer> => Promise.reject(down);

  const results = await Promise.allSettled(
    [1, 2, 3].map(() => source.token(challenge, repository, failing)),
  );

  for (const result of results) {
    assert.ok(result.status === "rejected" && result.reason === down);
  }
  const ask = async (): Promise<Buffer> => Buffer.from('{"token":"up"}');
  assert.equal(await source.token(challenge, repository, ask), "up");
});

test("tokens of other realms, services and repositories are other tokens", async () => {
  const source = new TokenSource(() => 0);
  const asked: string[] = [];
  const ask = async (url: URL): Promise<Buffer> => {
    asked.push(url.href);
    return Buffer.from(`{"token":"t${asked.length}"}`);
  };
  const other = { realm: "https://auth.example.com/other", service: "registry" };

  await source.token(challenge, repository, ask);
  await source.token(other, repository, ask);
  await source.token({ ...challenge, service: null }, repository, ask);
  await source.token(challenge, "owner/other" as Repository, ask);

  assert.deepEqual(asked, [
    "https://auth.example.com/token?service=registry&scope=repository%3Aowner%2Fapp%3Apull",
    "https://auth.example.com/other?service=registry&scope=repository%3Aowner%2Fapp%3Apull",
    "https://auth.example.com/token?scope=repository%3Aowner%2Fapp%3Apull",
    "https://auth.example.com/token?service=registry&scope=repository%3Aowner%2Fother%3Apull",
  ]);
});

test("a realm that is no URL gives no token, and no request", async () => {
  const source = new TokenSource(() => 0);
  const ask = (): Promise<Buffer> => assert.fail("it was asked");

  await assert.rejects(source.token({ realm: "/token", service: null }, repository, ask), NoToken);
});
