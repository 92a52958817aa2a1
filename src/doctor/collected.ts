import { type Finding, fail } from "./finding.ts";

/** What a check finds within `limitMs`. Never rejects: that a check broke is a finding too. */
export async function collected(
  subject: string,
  limitMs: number,
  check: AsyncGenerator<Finding>,
): Promise<readonly Finding[]> {
  const findings: Finding[] = [];
  const { promise: late, resolve } = Promise.withResolvers<"late">();
  const timer = setTimeout(() => resolve("late"), limitMs);
  try {
    for (;;) {
      const next = check.next();
      const result = await Promise.race([next, late]);
      if (result === "late") {
        // It goes on by itself until what it waits for has ended; nobody asks for what it finds then.
        next.catch(() => {});
        return [
          ...findings,
          fail(subject, `was not examined to the end in ${limitMs / 1000} s`, null),
        ];
      }
      if (result.done) return findings;
      findings.push(result.value);
    }
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return [...findings, fail(subject, `cannot be examined: ${message}`, null)];
  } finally {
    clearTimeout(timer);
  }
}
