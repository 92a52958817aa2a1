import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate } from "node:timers/promises";
import { inspect } from "node:util";
import type { Credentials } from "../../src/upstream/credentials/credentials.ts";
import type { TokenQuestion } from "../../src/upstream/tokens/token-request.ts";
import { NoToken } from "../../src/upstream/tokens/token-server.ts";
import { TokenSource } from "../../src/upstream/tokens/token-source.ts";
import { eventually } from "../support/eventually.ts";

const question: TokenQuestion = {
  realm: "https://auth.example.com/token",
  service: "registry",
  scope: "repository:owner/app:pull",
  credentials: null,
};

/** A token source with a clock that is moved by hand, and a server that numbers its tokens. */
class Lab {
  readonly source: TokenSource;
  readonly asked: TokenQuestion[] = [];
  down = false;
  #nowMs = 1_000_000;
  readonly #expiresIn: unknown;

  constructor(expiresIn: unknown) {
    this.#expiresIn = expiresIn;
    this.source = new TokenSource({
      ask: (asked) => this.#answer(asked),
      monotonicMs: () => this.#nowMs,
    });
  }

  token(): Promise<string> {
    return this.source.token(question);
  }

  advance(seconds: number): void {
    this.#nowMs += seconds * 1000;
  }

  async #answer(asked: TokenQuestion): Promise<Buffer> {
    const token = `t${this.asked.push(asked) - 1}`;
    if (this.down) throw new Error("down");
    return Buffer.from(JSON.stringify({ token, expires_in: this.#expiresIn }));
  }
}

// From three quarters of a life on a token is renewed behind who uses it; the last tenth is left for the request
// itself; nothing is believed for more than an hour; and what cannot be a life is a minute.
const lives: readonly (readonly [expiresIn: unknown, lifeSeconds: number])[] = [
  [300, 300],
  [60, 60],
  [0.5, 0.5],
  [3600, 3600],
  [3601, 3600],
  [1e12, 3600],
  [1e308, 3600],
  [0, 60],
  [-0, 60],
  [-1, 60],
  [-1e12, 60],
  [undefined, 60],
  [null, 60],
  ["300", 60],
  [{}, 60],
];

for (const [expiresIn, lifeSeconds] of lives) {
  test(`a token with expires_in ${inspect(expiresIn)} lives for ${lifeSeconds} s`, async () => {
    const lab = new Lab(expiresIn);
    assert.equal(await lab.token(), "t0");
    lab.down = true;

    lab.advance(lifeSeconds * 0.75 - 0.001);
    assert.equal(await lab.token(), "t0");
    assert.equal(lab.asked.length, 1);

    lab.advance(lifeSeconds * 0.15);
    assert.equal(await lab.token(), "t0");
    assert.equal(lab.asked.length, 2);

    lab.advance(0.002);
    await assert.rejects(lab.token(), /down/);
  });
}

test("a token that ages is renewed behind those who use it, once", async () => {
  const lab = new Lab(300);
  await lab.token();
  lab.advance(225);

  assert.deepEqual(await Promise.all([lab.token(), lab.token(), lab.token()]), ["t0", "t0", "t0"]);

  await eventually("the new token", async () => (await lab.token()) === "t1");
  assert.equal(lab.asked.length, 2);
});

test("a token server that is down is left alone for a while, and not noticed while the token lasts", async () => {
  const lab = new Lab(300);
  await lab.token();
  lab.down = true;
  lab.advance(225);

  for (const seconds of [0, 1, 3.999]) {
    lab.advance(seconds);
    assert.equal(await lab.token(), "t0");
    // What runs behind it fails within this turn.
    await setImmediate();
  }
  assert.equal(lab.asked.length, 2);
  lab.advance(1);
  assert.equal(await lab.token(), "t0");
  assert.equal(lab.asked.length, 3);
  await setImmediate();

  lab.down = false;
  lab.advance(5);
  assert.equal(await lab.token(), "t0");
  await eventually("the new token", async () => (await lab.token()) === "t3");
});

test("callers at the same time share one token request", async () => {
  const lab = new Lab(300);

  const tokens = await Promise.all([lab.token(), lab.token(), lab.token()]);

  assert.deepEqual(tokens, ["t0", "t0", "t0"]);
});

test("a token that is forgotten is asked for again", async () => {
  const lab = new Lab(300);
  lab.source.forget(question, await lab.token());

  assert.equal(await lab.token(), "t1");
});

test("who forgets late forgets nothing: a newer token stays", async () => {
  const lab = new Lab(300);
  const old = await lab.token();
  lab.source.forget(question, old);
  await lab.token();
  lab.source.forget(question, old);

  assert.equal(await lab.token(), "t1");
});

test("a token request that fails fails for all who waited, and the next one asks again", async () => {
  const lab = new Lab(300);
  lab.down = true;

  const results = await Promise.allSettled([lab.token(), lab.token(), lab.token()]);

  for (const { status } of results) assert.equal(status, "rejected");
  assert.equal(lab.asked.length, 1);
  lab.down = false;
  assert.equal(await lab.token(), "t1");
});

test("tokens of other realms, services, scopes and credentials are other tokens", async () => {
  const lab = new Lab(300);
  const me: Credentials = { kind: "password", username: "me", password: "secret" };
  const questions: readonly TokenQuestion[] = [
    question,
    { ...question, realm: "https://auth.example.com/other" },
    { ...question, service: null },
    { ...question, scope: "repository:owner/other:pull" },
    { ...question, credentials: me },
    { ...question, credentials: { ...me, password: "another" } },
    { ...question, credentials: { ...me, username: "you" } },
    { ...question, credentials: { kind: "identity-token", token: "secret" } },
  ];

  for (const one of [...questions, ...questions]) await lab.source.token(one);

  assert.deepEqual(lab.asked, questions);
});

test("an answer without a token is no token", async () => {
  const source = new TokenSource({ ask: async () => Buffer.from("{}"), monotonicMs: () => 0 });

  await assert.rejects(source.token(question), NoToken);
});
