import type { Pull } from "../../src/mirror/simulation/pull-log.ts";
import { SeededRandom } from "../../test/support/seeded-random.ts";
import { pullsOf, type Want } from "./client-caches.ts";
import { type MadeUpRepository, makeBases, makeRepositories } from "./made-up-images.ts";
import { nightlyBuilds, rollouts, type Span, scans, steadyLoad } from "./workloads.ts";

/** Two weeks of pulls. */
export interface PullTrace {
  readonly name: string;
  readonly pulls: readonly Pull[];
  /** All that is asked for at any time, each digest once. */
  readonly workingSetBytes: number;
}

/** Traces that are the same for the same seed. All but the first add something to a steady load. */
export const traceNames = [
  "steady",
  "latest",
  "shift",
  "nightly",
  "scans",
  "rollouts",
  "mix",
] as const;

export type TraceName = (typeof traceNames)[number];

const dayMs = 24 * 3_600_000;

export function makeTrace(name: TraceName, seed: number, scale: number): PullTrace {
  const random = new SeededRandom(seed);
  const wants = wantsOf(name, random, { days: 14, scale });
  const pulls = pullsOf(wants.toSorted((one, other) => one.atMs - other.atMs));
  return { name, pulls, workingSetBytes: workingSetOf(pulls) };
}

function wantsOf(name: TraceName, random: SeededRandom, span: Span): readonly Want[] {
  const all = makePopulation(random, span.scale);
  const moving = steadyLoad(random, all.moving, span);
  switch (name) {
    case "steady":
      return steadyLoad(random, all.fixed, span);
    case "latest":
      return moving;
    case "shift":
      return shifted(random, all.moving, span);
    case "nightly":
      return [...moving, ...nightlyBuilds(random, all.built, span)];
    case "scans":
      return [...moving, ...scans(random, all.archive, span)];
    case "rollouts":
      return [...moving, ...rollouts(random, all.services, span)];
    case "mix":
      return [
        ...moving,
        ...nightlyBuilds(random, all.built, span),
        ...scans(random, all.archive, span),
        ...rollouts(random, all.services, span),
      ];
  }
}

/** In the second week people want what they wanted least in the first. */
function shifted(
  random: SeededRandom,
  repositories: readonly MadeUpRepository[],
  span: Span,
): readonly Want[] {
  const week = { ...span, days: span.days / 2 };
  const second = steadyLoad(random, repositories.toReversed(), week);
  const weekMs = week.days * dayMs;
  return [
    ...steadyLoad(random, repositories, week),
    ...second.map((want) => ({ ...want, atMs: want.atMs + weekMs })),
  ];
}

interface Population {
  /** What `latest` means never changes. */
  readonly fixed: readonly MadeUpRepository[];
  /** `latest` moves, daily to monthly. */
  readonly moving: readonly MadeUpRepository[];
  readonly built: readonly MadeUpRepository[];
  readonly archive: readonly MadeUpRepository[];
  readonly services: readonly MadeUpRepository[];
}

function makePopulation(random: SeededRandom, scale: number): Population {
  const bases = makeBases(random, 40);
  const make = (prefix: string, count: number, days: readonly [number, number]) =>
    makeRepositories(random, bases, {
      prefix,
      count: Math.ceil(count * scale),
      rebuiltEveryMs: (source) => source.sizeBetween(days[0] * dayMs, days[1] * dayMs),
    });
  const moving = make("moving", 3_000, [1, 60]);
  return {
    fixed: moving.map((one) => ({ ...one, rebuiltEveryMs: Number.POSITIVE_INFINITY })),
    moving,
    built: make("built", 400, [7, 90]),
    // The scanner knows what people pull, and as much again that nobody does.
    archive: [...moving, ...make("archive", 3_000, [100, 200])],
    services: make("service", 60, [1, 7]),
  };
}

function workingSetOf(pulls: readonly Pull[]): number {
  const sizes = new Map(
    pulls.flatMap(({ asked }) => asked.map((one) => [one.digest, one.sizeBytes])),
  );
  return [...sizes.values()].reduce((sum, sizeBytes) => sum + sizeBytes, 0);
}
