import { UpstreamError } from "../upstream/upstream-error.ts";

/** The result, or UpstreamError when `patienceMs` ends first; the work goes on. */
export async function withPatience<T>(
  work: Promise<T>,
  patienceMs: number,
  upstream: string,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const failure = { kind: "timeout", phase: "headers" } as const;
  const timer = setTimeout(() => reject(new UpstreamError(upstream, failure)), patienceMs);
  try {
    return await Promise.race([work, late]);
  } finally {
    clearTimeout(timer);
  }
}
