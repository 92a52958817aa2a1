import type { SeededRandom } from "../../test/support/seeded-random.ts";
import type { Want } from "./client-caches.ts";
import { buildOf, latestImage, type MadeUpRepository } from "./made-up-images.ts";
import { Zipf } from "./zipf.ts";

/** How long a workload lasts, and how much of it there is: 1 for all, less for a quick look. */
export interface Span {
  readonly days: number;
  readonly scale: number;
}

const minuteMs = 60_000;
const hourMs = 60 * minuteMs;
const dayMs = 24 * hourMs;

const nodes = 200;

/** People, services and jobs at all hours, by day four times as many as by night: a few images by many, many by few. */
export function steadyLoad(
  random: SeededRandom,
  repositories: readonly MadeUpRepository[],
  { days, scale }: Span,
): readonly Want[] {
  // Popularity in registries was measured near this (Anwar et al., "Improving Docker registry design", FAST 2018).
  const zipf = new Zipf(repositories.length, 0.9);
  return Array.from({ length: 5_000 * scale * days }, () => {
    const atMs = byDay(random, days);
    const repository = repositories[zipf.pick(random)] ?? random.pick(repositories);
    return { atMs, image: latestImage(repository, atMs), client: anyClient(random) };
  });
}

/** Each night within an hour: the same images eight times each, and many builds that are tested once or twice and never again. */
export function nightlyBuilds(
  random: SeededRandom,
  repositories: readonly MadeUpRepository[],
  { days, scale }: Span,
): readonly Want[] {
  return nights(days).flatMap((startMs) => {
    const within = (): number => startMs + random.next() * hourMs;
    const same = repositories.slice(0, 300 * scale);
    const tools = same.flatMap((repository) =>
      Array.from({ length: 8 }, () => {
        const atMs = within();
        return { atMs, image: latestImage(repository, atMs), client: null };
      }),
    );
    const builds = Array.from({ length: 500 * scale }, (_, at) => {
      const image = buildOf(random.pick(repositories), `of ${startMs}, ${at}`, startMs);
      return Array.from({ length: random.between(1, 2) }, () => ({
        atMs: within(),
        image,
        client: null,
      }));
    });
    return [...tools, ...builds.flat()];
  });
}

/** Every fourth day a scanner or a crawler pulls everything once, within four hours; it keeps layers while it runs. */
export function scans(
  random: SeededRandom,
  repositories: readonly MadeUpRepository[],
  { days }: Span,
): readonly Want[] {
  return nights(days)
    .filter((_, night) => night % 4 === 2)
    .flatMap((startMs) =>
      repositories.map((repository) => {
        const atMs = startMs + random.next() * 4 * hourMs;
        return { atMs, image: latestImage(repository, atMs), client: `scanner ${startMs}` };
      }),
    );
}

/** New versions of services: fifty nodes within a minute, and over the next two days a few new nodes. */
export function rollouts(
  random: SeededRandom,
  services: readonly MadeUpRepository[],
  { days, scale }: Span,
): readonly Want[] {
  return Array.from({ length: 20 * scale * days }, (_, rollout) => {
    const atMs = byDay(random, days);
    const image = buildOf(random.pick(services), `rollout ${rollout}`, atMs);
    const first = Array.from({ length: 50 }, () => ({
      atMs: atMs + random.next() * minuteMs,
      image,
      client: node(random),
    }));
    const later = Array.from({ length: random.between(0, 4) }, () => ({
      atMs: atMs + random.next() * 2 * dayMs,
      image,
      client: null,
    }));
    return [...first, ...later];
  }).flat();
}

/** Half of all pulls come from nodes that keep what they pull, half from machines that begin empty. */
function anyClient(random: SeededRandom): string | null {
  return random.next() < 0.5 ? node(random) : null;
}

function node(random: SeededRandom): string {
  return `node ${random.between(1, nodes)}`;
}

/** A time of day: most likely at 14:00 and least at 2:00. */
function byDay(random: SeededRandom, days: number): number {
  while (true) {
    const atMs = random.next() * days * dayMs;
    const load = 1 - 0.6 * Math.cos((2 * Math.PI * (atMs - 2 * hourMs)) / dayMs);
    if (random.next() * 1.6 < load) return atMs;
  }
}

/** When each night begins: at 2:00. */
function nights(days: number): readonly number[] {
  return Array.from({ length: days }, (_, day) => day * dayMs + 2 * hourMs);
}
