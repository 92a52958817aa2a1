import type { Digest } from "../oci/digest.ts";
import type { Tag } from "../oci/reference.ts";
import type { Repository } from "../oci/repository.ts";
import type { CatalogAnswers, CatalogQuestion } from "./catalog/reading/catalog-question.ts";
import type { Access } from "./eviction/eviction.ts";
import type { PinRecord } from "./eviction/pins.ts";
import type { PullBatch, PullLogBounds } from "./images/logged-pulls.ts";
import type { TrafficRecord } from "./statistics/traffic-statements.ts";

/** A repository of an upstream: tags and grants belong to it. */
export interface Location {
  /** The upstream's name, a key of the configuration. */
  readonly upstream: string;
  readonly repository: Repository;
}

export interface BlobRecord {
  readonly digest: Digest;
  readonly sizeBytes: number;
  /** What `StoredBlob.identity` was when the content was last hashed. */
  readonly identity: string;
}

/** No content has it, so the first who opens adopted content has it hashed. */
export const adoptedIdentity = "adopted";

export interface ManifestRecord {
  readonly blob: BlobRecord;
  /** The `Content-Type` upstream sent with it. */
  readonly mediaType: string;
  /** The digests the manifest names. */
  readonly references: readonly Digest[];
  /** The manifest that it is about, which need not be here. */
  readonly subject: Digest | null;
}

export interface TagRecord {
  readonly digest: Digest;
  /** When upstream last said that the tag means this digest, in ms since the epoch. */
  readonly checkedAtMs: number;
}

/** That a tag means something else than before. */
export interface TagMove {
  /** When that was noticed, in ms since the epoch. */
  readonly atMs: number;
  /** null for a tag that was seen for the first time. */
  readonly from: Digest | null;
  readonly to: Digest;
}

/**
 * Which answer of upstream to a tag is meant: the sorted media types that it was asked for with, or "" for all that
 * the mirror takes.
 */
export type Variant = string;

export interface TagVariant extends TagRecord {
  readonly variant: Variant;
}

/** Totals of what is stored. */
export interface Usage {
  readonly blobs: number;
  readonly bytes: number;
  /** What the files take on the disk. */
  readonly allocatedBytes: number;
}

/** A pull of a root, as it is written. */
export interface AccessRecord extends Access {
  readonly digest: Digest;
}

/** How far the scrubber is with reading all that is stored. */
export interface ScrubRound {
  /** In ms since the epoch. */
  readonly beganAtMs: number;
  /** The last digest that was checked; null: none yet. */
  readonly checkedTo: Digest | null;
  readonly isOver: boolean;
}

/** What was chosen to go, and when anything of it had been pulled last. */
export interface EvictionRecord {
  readonly latestAtMs: number;
  /** The root first, then what only it needs, each behind a manifest that names it. */
  readonly digests: readonly Digest[];
}

/**
 * The metadata: what is stored, tags, grants. Each write is one transaction, durable against a crash of
 * the process when its promise resolves (a power cut may lose the last ones, never tear them); a read
 * that starts after that sees it. Every implementation passes `test/support/catalog-suite.ts`.
 */
export interface Catalog extends AsyncDisposable {
  /**
   * Whether writes that can wait should: somebody reads an old state, and each write makes the log longer that is kept for
   * that.
   */
  readonly isLogLong: boolean;
  /** Whether it has become so long by that, that only what must be written should be: nothing new is stored. */
  readonly isLogFull: boolean;
  blob(digest: Digest): Promise<BlobRecord | null>;
  /** The media type of a stored manifest; null if the digest is not stored as a manifest. */
  manifestMediaType(digest: Digest): Promise<string | null>;
  tag(location: Location, tag: Tag, variant: Variant): Promise<TagRecord | null>;
  /** What a tag means, in each of its variants: "" first. */
  tagVariants(location: Location, tag: Tag): Promise<readonly TagVariant[]>;
  /** The last `limit` moves of a tag, the latest first. */
  tagMoves(location: Location, tag: Tag, limit: number): Promise<readonly TagMove[]>;
  /** The tags that are known, in byte order: the first `limit` behind `after`. Those of other variants do not count. */
  tags(location: Location, after: string | null, limit: number): Promise<readonly Tag[]>;
  /** The repositories of an upstream with at least one grant, in byte order: the first `limit` behind `after`. */
  repositories(
    upstream: string,
    after: string | null,
    limit: number,
  ): Promise<readonly Repository[]>;
  /** When it was last proven that the repository holds the digest, in ms since the epoch; null if never. */
  grantedAtMs(location: Location, digest: Digest): Promise<number | null>;
  /**
   * Whether a manifest granted to the repository names the digest, and the digest is granted to some
   * repository of the same upstream: what must do while upstream cannot be asked.
   */
  isReferenced(location: Location, digest: Digest): Promise<boolean>;
  /** The first `limit` stored manifests about `subject` that are granted to the repository, in order of their digests. */
  referrers(location: Location, subject: Digest, limit: number): Promise<readonly Digest[]>;
  /**
   * What a stored manifest names that is stored, through other repositories, and not granted to this one. Looks at the
   * first thousand digests that the manifest names, in their order.
   */
  ungranted(location: Location, manifest: Digest): Promise<readonly Digest[]>;
  /** When upstream last showed the repository to an anonymous request, in ms since the epoch; null if never. */
  publicAtMs(location: Location): Promise<number | null>;
  usage(): Promise<Usage>;
  /** What is recorded as stored, in order of the digests: the first `limit` behind `after`, which need not be there. */
  blobs(after: Digest | null, limit: number): Promise<readonly BlobRecord[]>;
  /** When a root was pulled last; null for what is not stored, or goes with a manifest. */
  access(digest: Digest): Promise<Access | null>;
  /** The size of an image in bytes: all that is stored of what the manifest names, and its children do. */
  imageBytes(manifest: Digest): Promise<number>;
  /** The lowest priority of what is stored; 0 if nothing is. */
  lowestPriority(): Promise<number>;
  /** Whether the log of pulls knows what the image names. */
  isPulledImage(image: Digest): Promise<boolean>;
  /** Answers what is about the catalog as a whole, in a thread of its own. */
  ask<Kind extends CatalogQuestion["kind"]>(
    question: CatalogQuestion & { readonly kind: Kind },
  ): Promise<CatalogAnswers[Kind]>;
  /** What operators have pinned, in order of the patterns. */
  pins(): Promise<readonly PinRecord[]>;
  /** null if none was begun. */
  scrubRound(): Promise<ScrubRound | null>;

  /** Records stored content (again, if it was known) and that `location` holds it. */
  recordBlob(location: Location, blob: BlobRecord, nowMs: number): Promise<void>;
  /** Records a stored manifest, what it names, and that `location` holds it. */
  recordManifest(location: Location, manifest: ManifestRecord, nowMs: number): Promise<void>;
  /** Records what a tag means now, and that it moved: the last 100 moves of a tag are kept, and 100,000 in all. Of a tag's variants beside "" the four that were checked last are kept. */
  recordTag(location: Location, tag: Tag, variant: Variant, record: TagRecord): Promise<void>;
  recordGrant(location: Location, digest: Digest, nowMs: number): Promise<void>;
  /** Takes a new identity for content that was hashed again. */
  recordIdentity(digest: Digest, identity: string): Promise<void>;
  /** Records that upstream showed the repository to an anonymous request. */
  recordPublic(location: Location, nowMs: number): Promise<void>;
  /** Forgets what a tag means in a variant; null: in all of them. */
  forgetTag(location: Location, tag: Tag, variant: Variant | null): Promise<void>;
  forgetGrant(location: Location, digest: Digest): Promise<void>;
  forgetPublic(location: Location): Promise<void>;
  /** Records when roots were pulled; what is none (any more) is left out. */
  recordAccesses(accesses: readonly AccessRecord[]): Promise<void>;
  /**
   * Logs pulls, which outlive their images. Of what is beyond `bounds` the 200 oldest pulls go, and the images that have none
   * left. A pull without members of an image that the log does not know is left out.
   */
  recordPulls(pulls: PullBatch, bounds: PullLogBounds): Promise<void>;
  /**
   * Forgets what was chosen, with tags and grants: nothing if any of it was pulled meanwhile, or something new names the
   * root; and never what a manifest names that stays.
   */
  evict(eviction: EvictionRecord): Promise<void>;
  /** What is pinned already stays so since then. */
  recordPins(pins: readonly PinRecord[]): Promise<void>;
  forgetPins(patterns: readonly string[]): Promise<void>;
  /** Adds what happened in some minutes to what is recorded of them, of their hours and days. */
  recordTraffic(record: TrafficRecord): Promise<void>;
  /** There is one round. */
  recordScrubRound(round: ScrubRound): Promise<void>;
  /** Records content that lies in the store, unless it is recorded. No repository holds it by that. */
  adoptBlob(blob: BlobRecord): Promise<void>;
  /**
   * Forgets content that is lost, and its manifest record; tags and grants stay, for upstream may still have it. Changes
   * nothing if the content was recorded with another identity since `blob` was read.
   */
  forgetLost(blob: BlobRecord): Promise<void>;
}
