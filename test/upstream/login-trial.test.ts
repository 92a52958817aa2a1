import assert from "node:assert/strict";
import { test } from "node:test";
import { type Guesses, LoginTrial } from "../../src/upstream/accounts/login-trial.ts";
import type { Answer } from "../../src/upstream/exchange/exchange.ts";
import { TokenRefused } from "../../src/upstream/tokens/token-server.ts";
import { eventually } from "../support/eventually.ts";

const answers: Readonly<Record<string, readonly [told: Answer | Error | null, guesses: number]>> = {
  "what was asked for": [answerOf(200), 0],
  "not found": [answerOf(404), 0],
  "no right to it": [answerOf(403), 0],
  "a refusal of storage": [{ ...answerOf(401), redirected: true }, 0],
  trouble: [answerOf(503), 0],
  "no answer": [new Error("ECONNRESET"), 0],
  "trouble of the token server": [new TokenRefused(503, null), 0],
  "nothing, for there was nothing to present": [null, 0],
  "a refusal of the login": [answerOf(401), 1],
  "that of the token server": [new TokenRefused(401, null), 1],
};

for (const [what, [told, guesses]] of Object.entries(answers)) {
  test(`a login that gets ${what} has cost ${guesses} guesses when that has come`, async () => {
    const account = new Account();

    await new LoginTrial().ask(account, () => give(told)).catch(() => {});

    assert.equal(account.taken, guesses);
  });
}

test("a login that was refused is no more taken, nor is what waited for it tried without a guess", async () => {
  const account = new Account();
  const trial = new LoginTrial();
  await trial.ask(account, () => give(answerOf(200)));
  await trial.ask(account, () => give(answerOf(401)));
  let sent = 0;

  const asked = Array.from({ length: 100 }, () => {
    return trial.ask(account, () => {
      sent++;
      return give(answerOf(401));
    });
  });
  const ended = await Promise.allSettled(asked);

  // The refusal has cost one already.
  assert.equal(ended.filter(({ status }) => status === "rejected").length, 71);
  assert.deepEqual([sent, account.taken], [29, 30]);
});

test("a wrong login costs a guess for each refusal, though it is taken for what anybody may have", async () => {
  const account = new Account();

  for (let time = 0; time < 5; time++) {
    const trial = new LoginTrial();
    await trial.ask(account, () => give(answerOf(200)));
    await trial.ask(account, () => give(answerOf(401)));
  }

  assert.equal(account.taken, 5);
});

test("what waits for a login that nothing is found out of is tried one after the other, and none is limited", async () => {
  const account = new Account();
  const trial = new LoginTrial();
  let sent = 0;

  const asked = Array.from({ length: 100 }, () => {
    return trial.ask(account, () => give(answerOf(sent++ < 50 ? 503 : 200)));
  });
  await Promise.all(asked);

  assert.deepEqual([sent, account.taken], [100, 0]);
});

test("a login that is not known yet is tried by one request, and when it is taken by all others at once", async () => {
  const account = new Account();
  const trial = new LoginTrial();
  const first = Promise.withResolvers<Answer>();
  let sent = 0;
  const asked = Array.from({ length: 100 }, () => {
    return trial.ask<Answer | null>(account, () =>
      sent++ === 0 ? first.promise : new Promise(() => {}),
    );
  });

  assert.deepEqual([sent, account.taken], [1, 1]);
  first.resolve(answerOf(200));
  await asked[0];

  await eventually("all others are sent", () => sent === 100);
  assert.equal(account.taken, 0);
});

/** An address that has thirty guesses. */
class Account implements Guesses {
  taken = 0;

  take(): number {
    if (this.taken === 30) return 2_000;
    this.taken++;
    return 0;
  }

  giveBack(): void {
    this.taken--;
  }
}

async function give(told: Answer | Error | null): Promise<Answer | null> {
  if (told instanceof Error) throw told;
  return told;
}

/** With a body that nobody reads. */
function answerOf(status: number): Answer {
  return { status, redirected: false } as Answer;
}
