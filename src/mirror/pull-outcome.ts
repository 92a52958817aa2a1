/** How a pull was answered: the one value that feeds the log line, the metric and `Cache-Status`. */
export type PullOutcome =
  /** Answered from what is stored; `ttlMs` is how long a tag is still believed, null for digests. */
  | { readonly kind: "hit"; readonly ttlMs: number | null }
  | { readonly kind: "miss"; readonly stored: boolean }
  /** Joined what another pull had begun. */
  | { readonly kind: "collapsed" }
  /** Upstream was asked whether the tag had moved, and it had not. */
  | { readonly kind: "revalidated"; readonly ttlMs: number }
  /** Upstream gave no answer; `staleMs` is how long ago the tag ceased to be fresh. */
  | { readonly kind: "stale"; readonly staleMs: number; readonly reason: string };
