import type { Member } from "../../src/mirror/simulation/pull-log.ts";
import type { SeededRandom } from "../../test/support/seeded-random.ts";
import { Zipf } from "./zipf.ts";

/** An image as it was at some time: what it names, its manifest first. */
export interface MadeUpImage {
  readonly key: string;
  readonly members: readonly Member[];
}

/** A repository whose `latest` is built anew from time to time. */
export interface MadeUpRepository {
  readonly name: string;
  readonly base: Base;
  /** From one build to the next, in ms; infinite for an image that stays. */
  readonly rebuiltEveryMs: number;
  /** Its packages, which most builds leave as they are. */
  readonly dependencyBytes: readonly number[];
  /** What every build makes anew. */
  readonly appBytes: number;
}

export interface Base {
  readonly name: string;
  readonly layerBytes: readonly number[];
}

const kib = 1024;
const mib = 1024 * kib;

// Packages are brought up to date with every fifth build. A base is not, in the two weeks of a trace.
const buildsPerDependencies = 5;

/** `count` bases: a few, such as Alpine and Debian, are below most images. */
export function makeBases(random: SeededRandom, count: number): readonly Base[] {
  return Array.from({ length: count }, (_, at) => ({
    name: `base-${at}`,
    layerBytes: Array.from({ length: random.between(1, 4) }, () =>
      random.sizeBetween(2 * mib, 150 * mib),
    ),
  }));
}

/** Repositories whose images take a few MiB to 10 GiB, on shared bases; one in fifty holds models or a GPU toolkit of gigabytes. */
export function makeRepositories(
  random: SeededRandom,
  bases: readonly Base[],
  { prefix, count, rebuiltEveryMs }: RepositoriesWish,
): readonly MadeUpRepository[] {
  const zipf = new Zipf(bases.length, 1);
  return Array.from({ length: count }, (_, at) => ({
    name: `${prefix}-${at}`,
    base: bases[zipf.pick(random)] ?? random.pick(bases),
    rebuiltEveryMs: rebuiltEveryMs(random),
    dependencyBytes: random.next() < 0.02 ? hugeLayers(random) : usualLayers(random),
    appBytes: random.sizeBetween(100 * kib, 100 * mib),
  }));
}

export interface RepositoriesWish {
  readonly prefix: string;
  readonly count: number;
  readonly rebuiltEveryMs: (random: SeededRandom) => number;
}

/** The image that the tag `latest` of `repository` means at `atMs`. */
export function latestImage(repository: MadeUpRepository, atMs: number): MadeUpImage {
  return buildOf(repository, String(buildAt(repository, atMs)), atMs);
}

/** A build of `repository` at `atMs`: its own layer, manifest and configuration are new, by the name of the build. */
export function buildOf(repository: MadeUpRepository, build: string, atMs: number): MadeUpImage {
  const { name, base, dependencyBytes, appBytes } = repository;
  const dependencies = Math.floor(buildAt(repository, atMs) / buildsPerDependencies);
  const key = `${name}@${build}`;
  const members = [
    { digest: `manifest ${key}`, sizeBytes: 3 * kib },
    { digest: `config ${key}`, sizeBytes: 8 * kib },
    ...layers(base.name, base.layerBytes),
    ...layers(`${name} dependencies@${dependencies}`, dependencyBytes),
    { digest: `app ${key}`, sizeBytes: appBytes },
  ];
  return { key, members };
}

function buildAt({ rebuiltEveryMs }: MadeUpRepository, atMs: number): number {
  return Math.floor(atMs / rebuiltEveryMs);
}

function layers(name: string, sizes: readonly number[]): readonly Member[] {
  return sizes.map((sizeBytes, at) => ({ digest: `${name} ${at}`, sizeBytes }));
}

function usualLayers(random: SeededRandom): readonly number[] {
  return Array.from({ length: random.between(1, 3) }, () => random.sizeBetween(mib, 300 * mib));
}

function hugeLayers(random: SeededRandom): readonly number[] {
  return Array.from({ length: random.between(2, 3) }, () =>
    random.sizeBetween(500 * mib, 3_000 * mib),
  );
}
