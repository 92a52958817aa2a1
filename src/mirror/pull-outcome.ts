/**
 * How a pull was answered: the one value that feeds the log line, the metric, `Cache-Status` and `Age`. `before` is what the
 * caches between this one and the registry said of it (`ToldCacheStatus.text`); null where they said nothing. `ageMs` is how long
 * ago they had checked a tag; 0 for anything else.
 */
export type PullOutcome =
  /** Answered from what is stored, without waiting for anybody. */
  | { readonly kind: "hit"; readonly tag: TagAge | null }
  | ({ readonly kind: "miss"; readonly stored: boolean } & FromCaches)
  /** Not stored because a rule says so: `freshness.rules[2]`. Upstream was asked, now or for another pull. */
  | { readonly kind: "bypass"; readonly rule: string }
  /** Joined what another pull had begun. */
  | ({ readonly kind: "collapsed" } & FromCaches)
  /** Upstream was asked whether the tag had moved, and it had not. */
  | ({ readonly kind: "revalidated"; readonly ttlMs: number } & FromCaches)
  /** Upstream gave no answer; `tag` is null for a list that is made of what is cached. */
  | { readonly kind: "stale"; readonly tag: TagAge | null; readonly reason: string };

interface FromCaches {
  readonly before: string | null;
  readonly ageMs: number;
}

/** How long ago a tag was checked, and how long that is still believed: below 0 if no longer, Infinity if for good. */
export interface TagAge {
  readonly ageMs: number;
  readonly ttlMs: number;
  /** Where the configuration says so, as `freshness.rules[2]`; null where no rule does. */
  readonly rule: string | null;
}
