import { parseSize } from "../../config/units.ts";
import { presentPolicy } from "../eviction/eviction-policy.ts";
import type { ReplayedPolicy } from "./replay.ts";

/** Which caches the log of pulls is replayed against: each size with each policy, and the present size in any case. */
export interface SimulationRequest {
  /** In bytes; null for some around the present one. */
  readonly maxSizes: readonly number[] | null;
  /** Null for the mirror's own. */
  readonly policies: readonly ReplayedPolicy[] | null;
  /** So many days of the log, back from now; null for all of it. */
  readonly days: number | null;
}

/** The same in words, as users write it. */
export interface WrittenSimulation {
  /** Sizes with commas between them. */
  readonly maxSize?: string | undefined;
  /** Policies with commas between them. */
  readonly policy?: string | undefined;
  readonly days?: string | undefined;
}

/** What a cache would have made of the log. Rates are between 0 and 1, and null where there was no pull. */
export interface SimulatedSize {
  readonly maxSizeBytes: number;
  readonly policy: ReplayedPolicy;
  /** Whether `storage.maxSize` is that now. */
  readonly isPresent: boolean;
  /** Of the pulls those of which everything was stored. */
  readonly imageHitRate: number | null;
  /** Of the bytes of what was pulled those that were stored. */
  readonly byteHitRate: number | null;
  readonly upstreamBytes: number;
  readonly upstreamBytesPerDay: number;
  readonly evictedImages: number;
  readonly evictedBytes: number;
  /** The most that was stored at any time: a larger cache would have stayed empty above. */
  readonly highestBytes: number;
}

export interface Simulation {
  /** The first and the last pull, as ISO 8601 times; null if there is none. */
  readonly from: string | null;
  readonly to: string | null;
  /** From the one to the other. */
  readonly days: number;
  readonly pulls: number;
  readonly images: number;
  readonly highWatermark: number;
  readonly lowWatermark: number;
  /** What is configured and the replay leaves out: its books have neither names nor a clock. */
  readonly leftOut: readonly ("pins" | "maxIdle")[];
  /** In ascending order of sizes. */
  readonly caches: readonly SimulatedSize[];
}

const replayedPolicies: readonly ReplayedPolicy[] = ["lru", "lfu", "gdsf", "belady"];

// A million pulls take three to six seconds for each size and policy.
const sizesLimit = 8;

// No more is kept.
const daysLimit = 30;

/** What was written, or a sentence about each thing that is wrong with it. */
export function readSimulation(
  written: WrittenSimulation,
): { readonly request: SimulationRequest } | { readonly problems: readonly string[] } {
  const maxSizes = each(written.maxSize, sizeOf);
  const policies = each(written.policy, policyOf);
  const days = written.days === undefined ? null : daysOf(written.days);
  const problems: string[] = [];
  if (maxSizes === undefined || (maxSizes?.length ?? 0) > sizesLimit) {
    problems.push(
      `"${written.maxSize}" is not up to ${sizesLimit} sizes; write for example 20GiB,50GiB`,
    );
  }
  if (policies === undefined) {
    problems.push(
      `"${written.policy}" is not made of ${replayedPolicies.join(", ")}; write for example lru,${presentPolicy}`,
    );
  }
  if (days === undefined) {
    problems.push(
      `"${written.days}" is not a number of days up to ${daysLimit}; write for example 7`,
    );
  }
  if (maxSizes === undefined || policies === undefined || days === undefined) return { problems };
  return problems.length > 0 ? { problems } : { request: { maxSizes, policies, days } };
}

/** The sizes to replay, in their order; each once. */
export function sizesOf({ maxSizes }: SimulationRequest, presentBytes: number): number[] {
  const around = [0.5, 2, 4].map((factor) => Math.ceil(factor * presentBytes));
  return [...new Set([presentBytes, ...(maxSizes ?? around)])].sort((one, other) => one - other);
}

/** Whether what the log says is more than a first hint, or the sentence that it is not. */
export function cautionOf({ days, pulls }: Simulation): string | null {
  if (pulls === 0 || days >= fewDays) return null;
  return `The log covers less than a week, which says little: each replay begins with an empty disk, and what is pulled once a week looks as if it were pulled once. Ask again later.`;
}

const fewDays = 7;

/** Null for nothing; undefined if one of them is wrong. */
function each<T>(
  written: string | undefined,
  read: (text: string) => T | null,
): readonly T[] | null | undefined {
  if (written === undefined) return null;
  const values = written.split(",").map((text) => read(text.trim()));
  const right = values.filter((value) => value !== null);
  return right.length === values.length ? [...new Set(right)] : undefined;
}

function sizeOf(text: string): number | null {
  const size = parseSize(text);
  return size?.kind === "bytes" && size.bytes > 0 ? size.bytes : null;
}

function policyOf(text: string): ReplayedPolicy | null {
  return replayedPolicies.find((policy) => policy === text) ?? null;
}

function daysOf(text: string): number | undefined {
  const days = /^\d{1,2}(\.\d+)?$/.test(text) ? Number(text) : 0;
  return days > 0 && days <= daysLimit ? days : undefined;
}
