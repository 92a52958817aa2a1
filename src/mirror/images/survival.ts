import { setImmediate as nextTurn } from "node:timers/promises";
import { imageName } from "../../oci/image-name.ts";
import type { Catalog } from "../../storage/catalog.ts";
import type { RecentImage } from "../../storage/images/recent-images.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { Explainer } from "./explainer.ts";
import { nodesOf } from "./images.ts";
import { type OutageProblem, outageProblems } from "./outage.ts";

/** An image that was pulled of late, and would not be had in an outage. */
export interface Endangered {
  /** In full. */
  readonly name: string;
  /** Those that are here. */
  readonly platforms: readonly string[];
  /** In ms since the epoch. */
  readonly lastAtMs: number;
  readonly pulls: number;
  readonly problems: readonly (OutageProblem | { readonly kind: "gone" | "no-upstream" })[];
}

export interface Survival {
  /** How many images were looked at: 5,000 that are here at most, and what is gone. */
  readonly images: number;
  /** How many more there are. */
  readonly unseen: number;
  readonly endangered: readonly Endangered[];
  /** How many more are gone, and nobody knows what they were called. */
  readonly goneUnnamed: number;
}

export interface SurvivorTools {
  readonly catalog: Catalog;
  readonly explainer: Explainer;
  /** Writes the pulls that were only noted yet. */
  readonly flush: () => Promise<void>;
}

/** Says which of the images that were pulled of late could be pulled again if no upstream gave an answer. */
export class Survivor {
  readonly #tools: SurvivorTools;

  constructor(tools: SurvivorTools) {
    this.#tools = tools;
  }

  async survive(sinceMs: number, upstreamOf: (name: string) => Upstream | null): Promise<Survival> {
    const { catalog, flush } = this.#tools;
    await flush();
    const recent = await catalog.ask({ kind: "recent", sinceMs });
    const endangered: Endangered[] = [];
    for (const image of recent.here) {
      const found = await this.#look(image, upstreamOf(image.upstream));
      if (found.problems.length > 0) endangered.push(found);
      // Pulls come between.
      await nextTurn();
    }
    const gone = recent.gone.map(({ name, lastAtMs, pulls }) => {
      return { name, platforms: [], lastAtMs, pulls, problems: [{ kind: "gone" as const }] };
    });
    return {
      images: recent.here.length + gone.length,
      unseen: recent.hereInAll - recent.here.length,
      endangered: [...endangered, ...gone].sort((one, other) => other.lastAtMs - one.lastAtMs),
      goneUnnamed: recent.goneUnnamed,
    };
  }

  async #look(image: RecentImage, upstream: Upstream | null): Promise<Endangered> {
    const { repository, reference, lastAtMs, pulls } = image;
    const name = imageName({ upstream: image.upstream, repository }, reference);
    const common = { name, lastAtMs, pulls };
    if (!upstream) return { ...common, platforms: [], problems: [{ kind: "no-upstream" }] };
    const explanation = await this.#tools.explainer.explain({ upstream, repository }, reference);
    const here = [...(explanation.tree ? nodesOf(explanation.tree) : [])].filter(
      ({ state }) => state === "here",
    );
    const platforms = here.flatMap(({ platform }) => platform ?? []);
    return { ...common, platforms, problems: outageProblems(explanation) };
  }
}
