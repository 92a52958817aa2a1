import assert from "node:assert/strict";
import { test } from "node:test";
import { Heap } from "../../src/storage/eviction/heap.ts";
import { SeededRandom } from "../support/seeded-random.ts";

interface Thing {
  readonly rank: number;
  place: number;
}

test("whatever is added and taken out before its turn, the rest comes in order", () => {
  const random = new SeededRandom(1);
  const heap = new Heap<Thing>(
    (one, other) => one.rank < other.rank,
    (thing, place) => {
      thing.place = place;
    },
  );
  const held = new Set<Thing>();
  const takeFirst = (): void => {
    const first = heap.takeFirst();
    assert.equal(first?.rank, lowest(held));
    if (first) held.delete(first);
  };

  for (let step = 0; step < 3_000; step += 1) {
    const choice = random.between(0, 3);
    const [any] = held;
    if (choice === 0) takeFirst();
    else if (choice === 1 && any) {
      heap.remove(any, any.place);
      held.delete(any);
    } else {
      // Equals among them.
      const thing = { rank: random.between(0, 100), place: 0 };
      heap.add(thing);
      held.add(thing);
    }
    assert.equal(heap.first?.rank, lowest(held));
  }
  while (held.size > 0) takeFirst();

  assert.equal(heap.takeFirst(), undefined);
});

test("what is no longer there is not taken out again", () => {
  const heap = new Heap<Thing>((one, other) => one.rank < other.rank);
  const [gone, stays] = [
    { rank: 1, place: 0 },
    { rank: 2, place: 0 },
  ];
  heap.add(gone);
  heap.add(stays);

  heap.remove(gone, 0);
  heap.remove(gone, 0);

  assert.equal(heap.takeFirst(), stays);
});

function lowest(things: ReadonlySet<Thing>): number | undefined {
  return things.size === 0 ? undefined : Math.min(...[...things].map(({ rank }) => rank));
}
