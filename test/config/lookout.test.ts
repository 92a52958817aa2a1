import assert from "node:assert/strict";
import { test } from "node:test";
import { setImmediate as nextTurn } from "node:timers/promises";
import { Lookout } from "../../src/config/files/followed-files.ts";

test("whoever asks for a look while one runs gets one that begins then, and all of them the same", async () => {
  const looks: PromiseWithResolvers<void>[] = [];
  using lookout = new Lookout(1_000_000, () => {
    const look = Promise.withResolvers<void>();
    looks.push(look);
    return look.promise;
  });

  const first = lookout.look();
  await nextTurn();
  const later = [lookout.look(), lookout.look()];
  await nextTurn();
  assert.equal(looks.length, 1);

  looks[0]?.resolve();
  await first;
  await nextTurn();
  assert.equal(looks.length, 2);

  looks[1]?.resolve();
  await Promise.all(later);
  assert.equal(looks.length, 2);
});
