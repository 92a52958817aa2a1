import { waitFor } from "../telemetry/waits.ts";
import type { Flight } from "../upstream/single-flight.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";

/** The result of a flight, or UpstreamError when `patienceMs` ends first; the work goes on. */
export async function withPatience<T>(
  { result, joined }: Pick<Flight<T>, "result" | "joined">,
  patienceMs: number,
  upstream: string,
): Promise<T> {
  const { promise: late, reject } = Promise.withResolvers<never>();
  const failure = { kind: "timeout", phase: "headers" } as const;
  const timer = setTimeout(() => reject(new UpstreamError(upstream, failure)), patienceMs);
  try {
    const wait = (): Promise<T> => Promise.race([result, late]);
    return await (joined ? waitFor("shared", wait) : wait());
  } finally {
    clearTimeout(timer);
  }
}
