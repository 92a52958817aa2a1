import assert from "node:assert/strict";
import { test } from "node:test";
import { emptyInMs, type Sample } from "../../src/upstream/accounts/forecast.ts";

const minute = 60_000;
const window = 360 * minute;

/** Pairs of a minute and what was left then. */
function samples(...pairs: readonly (readonly [number, number])[]): Sample[] {
  return pairs.map(([at, remaining]) => ({ atMs: at * minute, remaining }));
}

interface Row {
  readonly samples: readonly Sample[];
  readonly now: number;
  /** In minutes. */
  readonly emptyIn: number | null;
}

const rows: Readonly<Record<string, Row>> = {
  "nothing known": { samples: [], now: 10, emptyIn: null },
  "one pull a minute, 40 left": { samples: samples([0, 50], [10, 40]), now: 10, emptyIn: 40 },
  "the same, and ten quiet minutes": { samples: samples([0, 50], [10, 40]), now: 20, emptyIn: 80 },
  "less than a minute": { samples: samples([0, 50], [0.5, 40]), now: 0.9, emptyIn: null },
  "no use": { samples: samples([0, 50], [60, 50]), now: 60, emptyIn: null },
  "nothing left": { samples: samples([0, 50], [1, 0]), now: 1, emptyIn: 0 },
  "what comes back sooner than it is used": {
    samples: samples([0, 100], [60, 99]),
    now: 60,
    emptyIn: null,
  },
  "a window that began anew": {
    samples: samples([0, 20], [10, 10], [20, 100], [30, 90]),
    now: 40,
    emptyIn: 180,
  },
  "use before the window": { samples: samples([0, 100], [400, 50]), now: 500, emptyIn: null },
};

for (const [name, { samples: given, now, emptyIn }] of Object.entries(rows)) {
  test(`the forecast of ${name}: ${emptyIn === null ? "no forecast" : `empty in ${emptyIn} minutes`}`, () => {
    const expected = emptyIn === null ? null : emptyIn * minute;
    assert.equal(emptyInMs(given, now * minute, window), expected);
  });
}
