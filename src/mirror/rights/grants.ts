import type { Digest } from "../../oci/digest.ts";
import type { Location } from "../../storage/catalog.ts";
import { behalfOf } from "../../upstream/exchange/place.ts";
import { UpstreamError } from "../../upstream/upstream-error.ts";
import type { PlainTarget, Target } from "../../upstream/upstreams.ts";
import type { Behind } from "../behind.ts";
import { CatalogMemory } from "../catalog-memory.ts";
import { orNull, type StorageTools } from "../storage-tools.ts";
import type { ProofAge, Proofs } from "./proofs.ts";

// Some 200 bytes each. What is not among them costs a look-up in the catalog.
const grantsInMemory = 20_000;

/** What is known of a repository's right to a digest. */
export interface GrantState {
  /** In ms since the epoch; null if never. */
  readonly provenAtMs: number | null;
  readonly age: ProofAge;
  /** Whether the repository gets it while upstream gives no answer. */
  readonly holdsIfDown: boolean;
}

/**
 * Which repository may have which stored content. Bytes are shared by all upstreams, the right to them is not: it
 * takes a grant, which upstream gives by sending the content or by answering a HEAD.
 */
export class Grants {
  readonly #tools: StorageTools;
  readonly #proofs: Proofs;
  readonly #behind: Behind;
  readonly #grantedAtMs: CatalogMemory<number>;

  constructor(tools: StorageTools, proofs: Proofs, behind: Behind) {
    this.#tools = tools;
    this.#proofs = proofs;
    this.#behind = behind;
    this.#grantedAtMs = new CatalogMemory(grantsInMemory, tools.log);
  }

  /**
   * Whether the repository may have the content: by a grant, or because upstream says so to `ask`. While upstream
   * cannot be asked, it counts that a manifest of the repository names content of the same upstream, unless that shows
   * some more than others (`access: public`, `forward`). Otherwise rejects with UpstreamError.
   */
  async mayHave(target: Target, digest: Digest, ask: () => Promise<boolean>): Promise<boolean> {
    try {
      return await this.prove(target, digest, ask);
    } catch (error) {
      if (!(error instanceof UpstreamError) || error.failure.kind === "refused") throw error;
      if (await this.#isReferenced(target, digest)) return true;
      throw error;
    }
  }

  /** Whether it may have the content by a grant that is in memory and good; false: `mayHave` finds out. */
  mayHaveAtOnce(target: Target, digest: Digest): boolean {
    const provenAtMs = this.#grantedAtMs.inMemory(keyOf(target, digest));
    return this.#proofs.ageOf(provenAtMs ?? null) === "good";
  }

  /** Whether the repository gets content that is here while upstream cannot be asked. */
  async mayHaveUnasked(target: Target, digest: Digest): Promise<boolean> {
    return (await this.isKnown(target, digest)) || (await this.#isReferenced(target, digest));
  }

  /** What is known, without asking anybody. */
  async stateOf(target: PlainTarget, digest: Digest): Promise<GrantState> {
    const provenAtMs = await this.#knownAtMs(target, digest);
    const holdsIfDown = provenAtMs !== null || (await this.#isReferenced(target, digest));
    return { provenAtMs, age: this.#proofs.ageOf(provenAtMs), holdsIfDown };
  }

  /** As `mayHave`, but by upstream's word alone. */
  async prove(target: Target, digest: Digest, ask: () => Promise<boolean>): Promise<boolean> {
    const provenAtMs = await this.#knownAtMs(target, digest);
    return await this.#proofs.holds({
      upstream: target.upstream.name,
      isDown: target.upstream.down !== null,
      crowd: target.upstream.crowd,
      key: keyOf(target, digest) + behalfOf(target),
      provenAtMs,
      ask,
      record: (holds) => (holds ? this.record(target, digest) : this.revoke(target, digest)),
    });
  }

  /** What is granted is read from the catalog again. */
  dropFromMemory(): void {
    this.#grantedAtMs.clear();
  }

  /** Whether upstream has ever shown it, and not taken it back since. */
  async isKnown(target: Target, digest: Digest): Promise<boolean> {
    return (await this.#knownAtMs(target, digest)) !== null;
  }

  /** Upstream has shown that the repository holds the digest. */
  async record(target: Target, digest: Digest): Promise<void> {
    const { catalog, log, now } = this.#tools;
    const nowMs = now();
    this.#grantedAtMs.note(keyOf(target, digest), nowMs);
    const record = (): Promise<void> => catalog.recordGrant(locationOf(target), digest, nowMs);
    await this.#behind.soonOrLate(() => orNull(log, record), null);
  }

  /** Upstream says that the repository does not hold the digest (any more). */
  async revoke(target: Target, digest: Digest): Promise<void> {
    const key = keyOf(target, digest);
    // A write takes its time, by which refusals of what is here would be told from others.
    if (!(await this.#grantedAtMs.isWritten(key, () => this.#read(target, digest)))) return;
    await this.#grantedAtMs.forget(key, () =>
      this.#tools.catalog.forgetGrant(locationOf(target), digest),
    );
  }

  async #isReferenced(target: PlainTarget, digest: Digest): Promise<boolean> {
    // Anybody can publish a manifest that names what is private; what credentials have opened must not open by that.
    if (target.upstream.publicView || target.upstream.forwards) return false;
    const { catalog, log } = this.#tools;
    const isNamed = await orNull(log, () => catalog.isReferenced(locationOf(target), digest));
    return isNamed === true;
  }

  /** What cannot be known because the catalog fails must be asked of upstream. */
  async #knownAtMs(target: PlainTarget, digest: Digest): Promise<number | null> {
    return await this.#grantedAtMs.find(keyOf(target, digest), () => this.#read(target, digest));
  }

  #read(target: PlainTarget, digest: Digest): Promise<number | null> {
    return this.#tools.catalog.grantedAtMs(locationOf(target), digest);
  }
}

export function locationOf({ upstream, repository }: PlainTarget): Location {
  return { upstream: upstream.name, repository };
}

function keyOf({ upstream, repository }: PlainTarget, digest: Digest): string {
  return `${upstream.name} ${repository} ${digest}`;
}
