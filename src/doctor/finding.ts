export const verdicts = ["ok", "warn", "fail"] as const;

/** What was found out about one thing. */
export interface Finding {
  /** What it is about: `process`, `clock`, `storage`, `admin`, `clients`, or an upstream by its name. */
  readonly subject: string;
  readonly verdict: (typeof verdicts)[number];
  /** A sentence without its full stop. */
  readonly found: string;
  /** What to do about it; null where nothing needs to be done, or `found` says what. */
  readonly remedy: string | null;
}

/** What is wrong, and what to do about it. */
export type Trouble = Pick<Finding, "found" | "remedy">;

export function ok(subject: string, found: string): Finding {
  return { subject, verdict: "ok", found, remedy: null };
}

export function warn(subject: string, found: string, remedy: string | null): Finding {
  return { subject, verdict: "warn", found, remedy };
}

export function fail(subject: string, found: string, remedy: string | null): Finding {
  return { subject, verdict: "fail", found, remedy };
}
