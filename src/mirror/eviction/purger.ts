import { ImageGlob } from "../../oci/image-glob.ts";
import type { Victim } from "../../storage/eviction/eviction.ts";
import type { PurgePlan } from "../../storage/eviction/purge-plan.ts";
import {
  bothFreed,
  evictVictim,
  type Freed,
  nothingFreed,
  type VictimTools,
} from "./victim-eviction.ts";

/** What would go. */
export interface PlannedPurge extends PurgePlan {
  /** Which of the patterns that pin images would keep some of it from being evicted: not from this. */
  readonly pinned: readonly string[];
}

// The writer takes them together; more at once only fill its queue.
const writesAtOnce = 200;

/** Removes images because an operator names them: their names and rights, and content that nothing else needs. */
export class Purger {
  readonly #tools: VictimTools;

  constructor(tools: VictimTools) {
    this.#tools = tools;
  }

  /** Changes nothing. `pins`: the patterns that keep images from being evicted. */
  async plan(patterns: readonly string[], pins: readonly string[]): Promise<PlannedPurge> {
    const { accesses, catalog } = this.#tools;
    await accesses.flush();
    const plan = await catalog.ask({ kind: "purge", patterns });
    return { ...plan, pinned: pins.filter((pin) => pinsAny(pin, plan.victims)) };
  }

  /** Whoever reads something of it reads on; the next pull asks upstream. */
  async purge(plan: PurgePlan): Promise<Freed> {
    const { catalog, onForgotten, log } = this.#tools;
    const forgets = [
      ...plan.tags.map(
        ({ tag, ...location }) =>
          () =>
            catalog.forgetTag(location, tag, null),
      ),
      ...plan.grants.map(
        ({ digest, ...location }) =>
          () =>
            catalog.forgetGrant(location, digest),
      ),
    ];
    for (let at = 0; at < forgets.length; at += writesAtOnce) {
      await Promise.all(forgets.slice(at, at + writesAtOnce).map((forget) => forget()));
    }
    onForgotten();
    let freed: Freed = nothingFreed;
    for (const victim of plan.victims) {
      freed = bothFreed(freed, await evictVictim(this.#tools, victim));
    }
    log.info({ ...freed, tags: plan.tags.length }, "purged");
    return freed;
  }
}

function pinsAny(pin: string, victims: readonly Victim[]): boolean {
  const glob = ImageGlob.parse(pin);
  return victims.some(({ names }) => names.some((name) => glob?.matches(name)));
}
