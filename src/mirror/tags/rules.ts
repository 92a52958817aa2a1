import type { FreshnessConfig, FreshnessRule } from "../../config/config.ts";
import { ImageGlob } from "../../oci/image-glob.ts";
import { imageName } from "../../oci/image-name.ts";
import type { Reference } from "../../oci/reference.ts";
import type { Location } from "../../storage/catalog.ts";
import type { PullOutcome } from "../pull-outcome.ts";
import type { FreshnessPolicy } from "./freshness.ts";

/** What holds for one image, or for what is asked of its repository. */
export interface Ruling {
  readonly policy: FreshnessPolicy;
  /** Whether what upstream sends is stored. */
  readonly keeps: boolean;
  /** Why it is not given at all, in the operator's words; null: it is. */
  readonly denial: string | null;
  /** Where in the configuration that is said, as `freshness.rules[2]`; null where no rule matches. */
  readonly place: string | null;
  readonly rule: FreshnessRule | null;
}

interface Candidate {
  readonly glob: ImageGlob;
  readonly ruling: Ruling;
}

/** `freshness` of the configuration: what holds for an image is what its first rule that matches says. */
export class Rules {
  /** Where no rule matches. */
  readonly general: FreshnessPolicy;
  readonly #unruled: Ruling;
  readonly #candidates: readonly Candidate[];

  constructor({ rules, ...general }: FreshnessConfig) {
    this.general = general;
    this.#unruled = { policy: general, keeps: true, denial: null, place: null, rule: null };
    this.#candidates = rules.flatMap((rule, position) => {
      const glob = ImageGlob.parse(rule.match);
      return glob ? [{ glob, ruling: rulingBy(rule, position, general) }] : [];
    });
  }

  /**
   * What holds for a tag, for a digest (a manifest's or a blob's, which only patterns without a tag match), or, without
   * a reference, for what is asked of the repository as a whole.
   */
  ruling(location: Location, reference: Reference | null): Ruling {
    if (this.#candidates.length === 0) return this.#unruled;
    const name = imageName(location, reference);
    return this.#candidates.find(({ glob }) => glob.matches(name))?.ruling ?? this.#unruled;
  }
}

/** How a pull was answered that a ruling lets pass. */
export function passedBy({ place }: Ruling): PullOutcome {
  return { kind: "bypass", rule: place ?? "" };
}

function rulingBy(rule: FreshnessRule, position: number, general: FreshnessPolicy): Ruling {
  const { keeps, denial } = rule;
  const policy = {
    ...general,
    ttlMs: rule.ttlMs ?? general.ttlMs,
    staleWhileRevalidateMs: rule.staleWhileRevalidateMs ?? general.staleWhileRevalidateMs,
    staleIfErrorMs: rule.staleIfErrorMs ?? general.staleIfErrorMs,
    negativeTtlMs: rule.negativeTtlMs ?? general.negativeTtlMs,
  };
  return { policy, keeps, denial, place: `freshness.rules[${position}]`, rule };
}
