import type { Digest } from "../../../oci/digest.ts";
import type { Tag } from "../../../oci/reference.ts";
import type {
  AccessRecord,
  BlobRecord,
  EvictionRecord,
  Location,
  ManifestRecord,
  ScrubRound,
  TagRecord,
  Variant,
} from "../../catalog.ts";
import type { PinRecord } from "../../eviction/pins.ts";
import type { PullBatch, PullLogBounds } from "../../images/logged-pulls.ts";
import type { MinuteTraffic } from "../../statistics/traffic-meter.ts";
import type { TrafficRecord } from "../../statistics/traffic-statements.ts";

/** A write of the Catalog port, as it goes to the writer's thread. */
export type CatalogWrite =
  | {
      readonly kind: "record-blob";
      readonly location: Location;
      readonly blob: BlobRecord;
      readonly nowMs: number;
    }
  | {
      readonly kind: "record-manifest";
      readonly location: Location;
      readonly manifest: ManifestRecord;
      readonly nowMs: number;
    }
  | {
      readonly kind: "record-tag";
      readonly location: Location;
      readonly tag: Tag;
      readonly variant: Variant;
      readonly record: TagRecord;
    }
  | {
      readonly kind: "record-grant";
      readonly location: Location;
      readonly digest: Digest;
      readonly nowMs: number;
    }
  | { readonly kind: "record-identity"; readonly digest: Digest; readonly identity: string }
  | { readonly kind: "record-public"; readonly location: Location; readonly nowMs: number }
  | { readonly kind: "record-accesses"; readonly accesses: readonly AccessRecord[] }
  | {
      readonly kind: "record-pulls";
      readonly pulls: PullBatch;
      readonly bounds: PullLogBounds;
    }
  | { readonly kind: "evict"; readonly eviction: EvictionRecord }
  | {
      readonly kind: "forget-tag";
      readonly location: Location;
      readonly tag: Tag;
      readonly variant: Variant | null;
    }
  | { readonly kind: "forget-grant"; readonly location: Location; readonly digest: Digest }
  | { readonly kind: "forget-public"; readonly location: Location }
  | UpkeepWrite
  | { readonly kind: "adopt-blob"; readonly blob: BlobRecord }
  | { readonly kind: "forget-lost"; readonly blob: BlobRecord };

/** A write beside content. */
export type UpkeepWrite =
  | { readonly kind: "record-pins"; readonly pins: readonly PinRecord[] }
  | { readonly kind: "forget-pins"; readonly patterns: readonly string[] }
  | { readonly kind: "record-scrub-round"; readonly round: ScrubRound }
  | { readonly kind: "record-traffic"; readonly record: TrafficRecord };

export type ToWriter =
  | { readonly kind: "write"; readonly writes: readonly CatalogWrite[] }
  /** Copy the catalog to an empty file, beside the writes that come. */
  | { readonly kind: "back-up"; readonly path: string }
  /** Checkpoint, close and end. */
  | { readonly kind: "close" };

/** How long SQLite's log is, as `Catalog.isLogLong` and `isLogFull` say. */
export type LogLength = "short" | "long" | "full";

export type FromWriter =
  | { readonly kind: "ready" }
  /** What became of the writes that were sent first and not answered yet, in their order. */
  | { readonly kind: "written"; readonly failures: readonly (WriteFailure | null)[] }
  | { readonly kind: "backed-up"; readonly failure: WriteFailure | null }
  /** SQLite's log has become long, or could be emptied. */
  | { readonly kind: "log"; readonly length: LogLength };

/** An SqliteError, whose class and code do not survive the way between threads. */
export interface WriteFailure {
  readonly code: string;
  readonly message: string;
}

/** About how many rows a write touches. */
export function rowsOf(write: CatalogWrite): number {
  switch (write.kind) {
    case "record-manifest":
      return 3 + write.manifest.references.length;
    case "record-accesses":
      return write.accesses.length;
    case "record-pulls":
      return 2 * write.pulls.atMs.length + 2 * write.pulls.images.length;
    case "record-pins":
      return write.pins.length;
    case "forget-pins":
      return write.patterns.length;
    case "record-traffic":
      return write.record.minutes.reduce((rows, minute) => rows + rowsOfMinute(minute), 0);
    case "evict":
      return 4 * write.eviction.digests.length;
    default:
      return 2;
  }
}

/** Of an upstream, one of the minute, the hour and the day; of a network one of the hour and the day. */
function rowsOfMinute({ upstreams, networks }: MinuteTraffic): number {
  return 3 * upstreams.size + 2 * networks.size;
}
