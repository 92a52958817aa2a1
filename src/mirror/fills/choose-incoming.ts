import type { Hash } from "node:crypto";
import { setImmediate as nextTurn } from "node:timers/promises";
import type { Digest } from "../../oci/digest.ts";
import type { Log } from "../../telemetry/log.ts";
import { withoutWaits } from "../../telemetry/waits.ts";
import type { UpstreamBlob } from "../../upstream/answers.ts";
import type { Place } from "../../upstream/exchange/place.ts";
import type { Whence } from "../../upstream/part-of-blob.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { IncomingBlob } from "./incoming-blob.ts";
import type { LentMemory } from "./lent-memory.ts";
import { ParallelBlob } from "./parallel-blob.ts";
import { ResumedBlob } from "./resumed-blob.ts";
import { planSegments, type SegmentPlan } from "./segment-plan.ts";
import { SegmentsAhead } from "./segments-ahead.ts";

export interface IncomingOptions {
  readonly upstream: Upstream;
  readonly place: Place;
  readonly digest: Digest;
  /** The answer that it begins with. */
  readonly begun: UpstreamBlob;
  /** Aborting it ends every transfer. */
  readonly signal: AbortSignal;
  /** The hash of all bytes that `next` has given. */
  readonly hashCopy: () => Promise<Hash>;
  readonly memory: LentMemory;
  readonly log: Log;
}

/** What a fill stores: over as many connections as the upstream may be asked over, where the blob is worth it. */
export function chooseIncoming(options: IncomingOptions): IncomingBlob {
  const { sizeBytes, startBytes } = options.begun;
  const way = parallelWay(options);
  if (!way) return new ResumedBlob({ ...options, sizeBytes, startBytes });
  return new ParallelBlob({
    sizeBytes: way.plan.sizeBytes,
    ahead: segmentsAhead(options, way),
    single: (from) => {
      const begun = from.startBytes === 0 ? options.begun : null;
      return new ResumedBlob({ ...options, ...from, begun, sizeBytes });
    },
  });
}

interface ParallelWay {
  readonly plan: SegmentPlan;
  readonly whence: Whence;
}

/** null: over one connection. */
function parallelWay({ upstream, begun }: IncomingOptions): ParallelWay | null {
  const { sizeBytes, startBytes, whence } = begun;
  // Each request may count as a pull.
  if (!whence || sizeBytes === null || startBytes > 0 || upstream.isScarce) return null;
  const plan = planSegments(sizeBytes, upstream.parallelFill);
  return plan && { plan, whence };
}

function segmentsAhead(options: IncomingOptions, { plan, whence }: ParallelWay): SegmentsAhead {
  const { upstream, place, digest, signal, memory, log } = options;
  const { sizeBytes, connections } = plan;
  const about = { upstream: upstream.name, digest, sizeBytes };
  return new SegmentsAhead({
    plan,
    whence,
    memory,
    mayAsk: () => upstream.hasAmpleConnections,
    // None of them is what a request waits for.
    ask: async (range, from) => {
      // An answer that has just ended frees its connection a moment later.
      await nextTurn();
      const part = { range, sizeBytes, whence: from, signal };
      return await withoutWaits(() => upstream.getPartOfBlob(place, digest, part));
    },
    onBegin: () => log.info({ ...about, connections }, "blob comes over several connections"),
    onStop: (why) => {
      if (!signal.aborted) log.warn({ ...about, why }, "blob goes on over one connection");
    },
  });
}
