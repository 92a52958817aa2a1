import type { Digest } from "../oci/digest.ts";
import type { DistributionError } from "../oci/distribution-error.ts";
import { waitFor } from "../telemetry/waits.ts";
import type { DescribedBlob } from "../upstream/answers.ts";
import type { Target } from "../upstream/upstreams.ts";
import type { BlobReader } from "./blob-reader.ts";
import type { FillReader } from "./fills/fill-reader.ts";
import { FillTable } from "./fills/fill-table.ts";
import { Retries } from "./fills/retries.ts";
import type { NotFound } from "./not-found.ts";
import type { PullOutcome } from "./pull-outcome.ts";
import { type Grants, locationOf } from "./rights/grants.ts";
import type { StorageTools } from "./storage-tools.ts";
import type { StoredContent } from "./stored-content.ts";
import { passedBy, type Rules, type Ruling } from "./tags/rules.ts";
import { blobUnknown } from "./unknown.ts";

/** A pulled blob; whoever gets it disposes `blob`. */
export interface BlobPull {
  readonly outcome: PullOutcome;
  readonly blob: BlobReader;
}

/** One of which all bytes are in memory. */
interface PullFromMemory {
  readonly outcome: PullOutcome;
  readonly bytes: Buffer;
}

export interface BlobDescription {
  readonly outcome: PullOutcome;
  readonly sizeBytes: number | null;
}

const digestHit: PullOutcome = { kind: "hit", tag: null };

export interface BlobTools {
  readonly storage: StorageTools;
  readonly stored: StoredContent;
  readonly grants: Grants;
  readonly notFound: NotFound;
  readonly rules: () => Rules;
}

type Found<T> =
  | { readonly kind: "stored"; readonly blob: BlobReader }
  | { readonly kind: "fill"; readonly fill: T };

/** Pulls of blobs: hit, join, fill. */
export class Blobs {
  readonly fills: FillTable;
  readonly #tools: BlobTools;

  constructor(tools: BlobTools) {
    this.fills = new FillTable(tools.storage);
    this.#tools = tools;
  }

  async pull(target: Target, digest: Digest, signal: AbortSignal): Promise<BlobPull> {
    const ruling = this.#rulingOn(target, digest);
    using waiting = new DisposableStack();
    const found = await this.#find(target, digest, () => {
      waiting.use(target.upstream.crowd.enter());
      return this.fills.join(target, digest, ruling);
    });
    if (found.kind === "stored") return { outcome: digestHit, blob: found.blob };
    const { fill, collapsed } = found.fill;
    const open = (): Promise<FillReader | "unknown"> => this.fills.open(fill, target, signal);
    const blob = await (collapsed ? waitFor("shared", open) : open());
    if (blob === "unknown") {
      await this.#tools.grants.revoke(target, digest);
      throw this.#missing(target, digest);
    }
    if (!ruling.keeps) return { outcome: passedBy(ruling), blob };
    const before = fill.cacheStatus;
    if (collapsed) return { outcome: { kind: "collapsed", before, ageMs: 0 }, blob };
    return {
      outcome: { kind: "miss", stored: fill.state.kind !== "unstored", before, ageMs: 0 },
      blob,
    };
  }

  /** The hit that `pull` would be, if all for it is in memory and good; else null. Throws what that rejects with. */
  pullAtOnce(target: Target, digest: Digest): PullFromMemory | null {
    const { stored, grants } = this.#tools;
    this.#assertFound(target, digest);
    const bytes = stored.blobInMemory(digest);
    return bytes && grants.mayHaveAtOnce(target, digest) ? { outcome: digestHit, bytes } : null;
  }

  /** What HEAD tells, without a download: of a fill that runs, the size upstream declared. */
  async describe(target: Target, digest: Digest): Promise<BlobDescription> {
    const found = await this.#find(target, digest, () => this.fills.find(target.upstream, digest));
    if (found.kind === "stored") {
      await using stored = found.blob;
      return { outcome: digestHit, sizeBytes: stored.sizeBytes };
    }
    const { fill } = found;
    if (fill && "sizeBytes" in fill.state) {
      const outcome = { kind: "collapsed", before: fill.cacheStatus, ageMs: 0 } as const;
      return { outcome, sizeBytes: fill.state.sizeBytes };
    }
    const { sizeBytes, cacheStatus: before } = await this.#head(target, digest);
    const ruling = this.#rulingOn(target, digest);
    const miss = { kind: "miss", stored: false, before, ageMs: 0 } as const;
    return { outcome: ruling.keeps ? miss : passedBy(ruling), sizeBytes };
  }

  /**
   * The stored blob, if this repository may have it, or what `toFill` gives. Before a repository joins the fill of
   * another, it proves as for stored content that it holds the blob: `toFill` runs right behind that judgement, so that
   * no fill comes between.
   */
  async #find<T>(target: Target, digest: Digest, toFill: () => T): Promise<Found<T>> {
    const { stored, grants } = this.#tools;
    this.#assertFound(target, digest);
    const blob = await stored.openBlob(digest);
    const fill = this.fills.find(target.upstream, digest);
    if (!blob && (!fill || fill.hasSource(target))) {
      return { kind: "fill", fill: toFill() };
    }
    await using resources = new AsyncDisposableStack();
    resources.use(blob);
    const ask = async (): Promise<boolean> =>
      (await target.upstream.headBlob(target, digest)) !== null;
    if (!(await grants.mayHave(target, digest, ask))) throw this.#missing(target, digest);
    resources.move();
    // The fill that it was proven for may have ended meanwhile.
    const isRunning = this.fills.find(target.upstream, digest) !== null;
    const found = blob ?? (isRunning ? null : await stored.openBlob(digest));
    return found ? { kind: "stored", blob: found } : { kind: "fill", fill: toFill() };
  }

  /** Throws if upstream has just said that there is none. */
  #assertFound(target: Target, digest: Digest): void {
    const { policy } = this.#rulingOn(target, digest);
    if (this.#tools.notFound.has(target, `blob ${digest}`, policy)) throw blobUnknown(digest);
  }

  #rulingOn(target: Target, digest: Digest): Ruling {
    return this.#tools.rules().ruling(locationOf(target), { kind: "digest", digest });
  }

  async #head(target: Target, digest: Digest): Promise<DescribedBlob> {
    const { upstream } = target;
    // It ends by itself, and soon.
    const { signal } = new AbortController();
    const retries = new Retries({ upstream, asked: "answer", signal });
    using _waiting = upstream.crowd.enter();
    const found = await retries.run(() => upstream.headBlob(target, digest));
    if (!found) throw this.#missing(target, digest);
    return found;
  }

  #missing(target: Target, digest: Digest): DistributionError {
    this.#tools.notFound.note(target, `blob ${digest}`);
    return blobUnknown(digest);
  }
}
