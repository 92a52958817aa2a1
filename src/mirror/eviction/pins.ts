import type { Catalog } from "../../storage/catalog.ts";
import type { DiskBudget } from "../../storage/disk-budget.ts";
import type { PinRecord } from "../../storage/eviction/pins.ts";
import type { Log } from "../../telemetry/log.ts";
import type { EvictionSettings } from "./evictor.ts";

export interface PinTools {
  readonly catalog: Catalog;
  readonly budget: Pick<DiskBudget, "usage">;
  readonly log: Log;
  readonly now: () => number;
  readonly settings: () => EvictionSettings;
}

/** A pattern of images that are not evicted. */
export interface Pin {
  readonly pattern: string;
  /** `configuration`: `eviction.pins`, which only a new configuration changes. */
  readonly by: "configuration" | "operator";
  /** In ms since the epoch; null for the configuration. */
  readonly pinnedAtMs: number | null;
  /** How many images it matches now. */
  readonly images: number;
}

/** What is pinned and what that takes, in bytes on the disk. */
export interface PinReport {
  readonly pins: readonly Pin[];
  /** What all of them keep together. */
  readonly pinnedBytes: number;
  /** Where evicting ends: what is pinned beyond that leaves no room for anything else. */
  readonly lowWatermarkBytes: number;
}

/** What became of an order to unpin. */
export type Unpinned =
  | { readonly kind: "unpinned" }
  | { readonly kind: "configured"; readonly pattern: string }
  | { readonly kind: "unknown"; readonly pattern: string };

// Each name in the catalog is compared with each of them, before every eviction.
export const pinsLimit = 1_000;

/** Patterns of images that are not evicted: those of the configuration, and those of operators, kept in the catalog. */
export class Pins {
  readonly #tools: PinTools;

  constructor(tools: PinTools) {
    this.#tools = tools;
  }

  async report(): Promise<PinReport> {
    return await this.#reportOn(await this.#tools.catalog.pins());
  }

  /** What it would be if these were pinned too. Nothing is changed. */
  async planned(patterns: readonly string[]): Promise<PinReport> {
    const { catalog, now } = this.#tools;
    const recorded = await catalog.pins();
    const known = new Set(recorded.map(({ pattern }) => pattern));
    const added = [...new Set(patterns)].filter((pattern) => !known.has(pattern));
    const pinnedAtMs = now();
    return await this.#reportOn([
      ...recorded,
      ...added.map((pattern) => ({ pattern, pinnedAtMs })),
    ]);
  }

  async #reportOn(recorded: readonly PinRecord[]): Promise<PinReport> {
    const { catalog, budget, settings } = this.#tools;
    const { pins: configured, lowWatermark } = settings();
    const patterns = [...configured, ...recorded.map(({ pattern }) => pattern)];
    const { images, allocatedBytes } = await catalog.ask({ kind: "pinned", patterns });
    const { limitBytes } = await budget.usage();
    return {
      pins: patterns.map((pattern, at) => {
        const record = recorded[at - configured.length];
        const by = record ? "operator" : "configuration";
        return { pattern, by, pinnedAtMs: record?.pinnedAtMs ?? null, images: images[at] ?? 0 };
      }),
      pinnedBytes: allocatedBytes,
      lowWatermarkBytes: Math.floor(lowWatermark * limitBytes),
    };
  }

  /** As `pinPatterns`. */
  async patterns(): Promise<readonly string[]> {
    return await pinPatterns(this.#tools.catalog, this.#tools.settings());
  }

  /** Takes effect with the next eviction. Resolves to false, and changes nothing, if that would be too many. */
  async pin(patterns: readonly string[]): Promise<boolean> {
    const { catalog, now, log } = this.#tools;
    const known = (await catalog.pins()).map(({ pattern }) => pattern);
    if (new Set([...known, ...patterns]).size > pinsLimit) return false;
    const pinnedAtMs = now();
    await catalog.recordPins(patterns.map((pattern) => ({ pattern, pinnedAtMs })));
    const { pinnedBytes, lowWatermarkBytes } = await this.report();
    if (pinnedBytes > lowWatermarkBytes) {
      log.warn({ pinnedBytes, lowWatermarkBytes }, "more is pinned than eviction leaves");
    }
    return true;
  }

  /** All of them or none. */
  async unpin(patterns: readonly string[]): Promise<Unpinned> {
    const { catalog, settings } = this.#tools;
    const known = new Set((await catalog.pins()).map(({ pattern }) => pattern));
    const other = patterns.find((pattern) => !known.has(pattern));
    if (other !== undefined) {
      const isConfigured = settings().pins.includes(other);
      return { kind: isConfigured ? "configured" : "unknown", pattern: other };
    }
    await catalog.forgetPins(patterns);
    return { kind: "unpinned" };
  }
}

/** All patterns that keep images from being evicted: those of the configuration, then those of operators. */
export async function pinPatterns(
  catalog: Pick<Catalog, "pins">,
  settings: Pick<EvictionSettings, "pins">,
): Promise<readonly string[]> {
  const recorded = await catalog.pins();
  return [...settings.pins, ...recorded.map(({ pattern }) => pattern)];
}
