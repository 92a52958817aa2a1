import assert from "node:assert/strict";
import { test } from "node:test";
import { hashSync } from "bcrypt";
import { PasswordHashing } from "../../src/auth/password-hashing.ts";

const password = Buffer.from("correct horse");
const own = { text: hashSync("correct horse", 4), cost: 4 };

test("a password is compared with its hash", async () => {
  const hashing = new PasswordHashing();

  assert.equal(await hashing.matches(password, own, 4), true);
  assert.equal(await hashing.matches(Buffer.from("battery"), own, 4), false);
  assert.equal(await hashing.matches(password, null, 4), false);
});

test("a refusal takes as much work as the costliest hash, whether or not there is such a user", async (t) => {
  const hashing = new PasswordHashing();
  const other = { text: hashSync("other", 8), cost: 8 };
  // Wall time is the machine's; the time of this process is the work, most of it hashing.
  const workOf = async (hash: typeof own | null): Promise<number> => {
    const before = process.cpuUsage();
    for (let at = 0; at < 10; at++) await hashing.matches(Buffer.from("wrong"), hash, 8);
    const { user } = process.cpuUsage(before);
    return user;
  };
  await workOf(null);

  const [nobody, cheap, dear] = [await workOf(null), await workOf(own), await workOf(other)];

  t.diagnostic(`µs: nobody ${nobody}, cost 4 ${cheap}, cost 8 ${dear}`);
  // Without the rest a hash of cost 4 would be a sixteenth of one of cost 8.
  for (const work of [nobody, cheap]) assert.ok(work > dear / 3 && work < dear * 3);
});

test("passwords wait for their turn, some of them: who finds the queue full is told at once", async () => {
  const hashing = new PasswordHashing({ waitingLimit: 2 });

  const answers = Array.from({ length: 5 }, () => hashing.matches(password, own, 4));

  assert.deepEqual(await Promise.all(answers), [true, true, true, null, null]);
  assert.equal(await hashing.matches(password, own, 4), true);
});

test("no password waits for longer than it may", async (t) => {
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const hashing = new PasswordHashing({ waitLimitMs: 10_000 });

  const first = hashing.matches(password, own, 4);
  const second = hashing.matches(password, own, 4);
  t.mock.timers.tick(10_000);

  assert.equal(await second, null);
  assert.equal(await first, true);
  assert.equal(await hashing.matches(password, own, 4), true);
});
