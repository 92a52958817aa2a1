import type { Accept } from "../oci/accept.ts";
import type { Digest } from "../oci/digest.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import { type Reference, referenceText } from "../oci/reference.ts";
import type { Page } from "../oci/route.ts";
import type { DiskBudget } from "../storage/disk-budget.ts";
import type { Layout } from "../storage/layout.ts";
import type { Target } from "../upstream/upstreams.ts";
import { Accesses } from "./accesses.ts";
import { Behind } from "./behind.ts";
import { type BlobDescription, type BlobPull, Blobs } from "./blobs.ts";
import { evictionPolicies, presentPolicy } from "./eviction/eviction-policy.ts";
import { type EvictionSettings, Evictor } from "./eviction/evictor.ts";
import { Pins } from "./eviction/pins.ts";
import { Purger } from "./eviction/purger.ts";
import { Rooms } from "./eviction/rooms.ts";
import type { RunningFill } from "./fills/running-fill.ts";
import { Completeness } from "./images/completeness.ts";
import { Explainer } from "./images/explainer.ts";
import { Images } from "./images/images.ts";
import { Survivor } from "./images/survival.ts";
import { Referrers, type ReferrersPull } from "./lists/referrers.ts";
import { Repositories } from "./lists/repositories.ts";
import { TagLists, type TagsPull } from "./lists/tag-lists.ts";
import { type ManifestPull, Manifests } from "./manifests.ts";
import { NotFound } from "./not-found.ts";
import { PassedManifests } from "./passed-manifests.ts";
import { RecentTrouble } from "./recent-trouble.ts";
import { Grants, locationOf } from "./rights/grants.ts";
import { Proofs } from "./rights/proofs.ts";
import { PullRights } from "./rights/pull-rights.ts";
import { Simulator } from "./simulation/simulator.ts";
import type { StorageTools } from "./storage-tools.ts";
import { StoredContent } from "./stored-content.ts";
import type { Rules } from "./tags/rules.ts";
import { Tags } from "./tags/tags.ts";
import { blobUnknown, manifestUnknown, nameUnknown } from "./unknown.ts";
import { Verifier } from "./upkeep/verifier.ts";

/** What the mirror is built on. */
export type MirrorTools = Omit<StorageTools, "rooms"> & {
  readonly budget: DiskBudget;
  readonly layout: Layout;
  /** A clock that never jumps, in ms. */
  readonly monotonicMs: () => number;
  /** How long an answer waits for what it has brought to be stored and recorded; as `Behind` thinks right unless it is given. */
  readonly writePatienceMs?: number | undefined;
};

/**
 * The policy: what is answered from the store, what is asked of upstream. Every pull is judged before anything is
 * answered: whether it may be made at all (`Rules`, `PullRights`), then whether the repository has the content (`Grants`).
 * All reject with DistributionError (`…_UNKNOWN`) when upstream says there is none, with UpstreamError when it gave no answer and
 * nothing stored may stand in for it.
 */
export class Mirror {
  /** What they say takes effect with the next pull. */
  rules: Rules;
  readonly evictor: Evictor;
  readonly simulator: Simulator;
  readonly verifier: Verifier;
  readonly images: Images;
  readonly pins: Pins;
  readonly purger: Purger;
  readonly explainer: Explainer;
  readonly survivor: Survivor;
  readonly repositories: Repositories;
  readonly #accesses: Accesses;
  readonly #rights: PullRights;
  readonly #blobs: Blobs;
  readonly #manifests: Manifests;
  readonly #tags: Tags;
  readonly #tagLists: TagLists;
  readonly #referrers: Referrers;
  readonly #notFound: NotFound;
  readonly #passed: PassedManifests;
  readonly #grants: Grants;
  readonly #behind: Behind;
  readonly #completeness: Completeness;

  constructor(tools: MirrorTools, rules: Rules, eviction: EvictionSettings) {
    this.rules = rules;
    const { catalog, budget, now, log } = tools;
    this.#accesses = new Accesses({ ...tools, policy: evictionPolicies[presentPolicy] });
    const dropFromMemory = (digest: Digest): void => stored.dropFromMemory(digest);
    const evicting = {
      ...tools,
      accesses: this.#accesses,
      arriving: () => this.#blobs.fills.arriving,
      onRemoved: dropFromMemory,
      onForgotten: () => this.#forgetGranted(),
    };
    this.evictor = new Evictor(evicting, eviction);
    this.purger = new Purger({ ...evicting, onForgotten: () => this.#forgetNames() });
    const settings = (): EvictionSettings => this.evictor.settings;
    this.pins = new Pins({ ...tools, settings });
    this.verifier = new Verifier({ ...tools, onRemoved: dropFromMemory });
    const flush = (): Promise<void> => this.#accesses.flush();
    this.simulator = new Simulator({ ...tools, settings, flush });
    const storage = { ...tools, rooms: new Rooms(budget, this.evictor, () => catalog.isLogFull) };
    const behind = new Behind(log, tools.writePatienceMs);
    const trouble = new RecentTrouble(tools.monotonicMs);
    const proofs = new Proofs({ behind, trouble, now, policy: () => this.rules.general });
    const stored = new StoredContent(storage);
    const grants = new Grants(storage, proofs, behind);
    const common = { storage, stored, grants, behind, trouble };
    const parts = {
      ...common,
      notFound: new NotFound(now),
      passed: new PassedManifests(now),
      rules: () => this.rules,
    };
    this.#behind = behind;
    this.#notFound = parts.notFound;
    this.#passed = parts.passed;
    this.#grants = grants;
    this.#rights = new PullRights(storage, proofs);
    this.#blobs = new Blobs(parts);
    this.#manifests = new Manifests(parts);
    this.#completeness = new Completeness({ ...parts, fills: this.#blobs.fills });
    this.#tags = new Tags({ ...parts, manifests: this.#manifests });
    this.images = new Images({
      ...parts,
      tags: this.#tags,
      pins: () => this.pins.patterns(),
      isArriving: ({ upstream }, digest) => this.#blobs.fills.find(upstream, digest) !== null,
      flush,
    });
    const pulls = { rights: this.#rights, manifests: this.#manifests, tags: this.#tags };
    this.explainer = new Explainer({ ...pulls, trees: this.images.trees });
    this.survivor = new Survivor({ catalog, explainer: this.explainer, flush });
    this.repositories = new Repositories({ catalog, rights: this.#rights, rules: parts.rules });
    this.#tagLists = new TagLists(catalog);
    this.#referrers = new Referrers({ catalog, stored, tags: this.#tags });
  }

  /**
   * The blob, from disk or from upstream. Aborting `signal`, or disposing the blob, stops this reader only: a fill
   * goes on for the next one.
   */
  async pullBlob(target: Target, digest: Digest, signal: AbortSignal): Promise<BlobPull> {
    await this.#assertMayPullBlob(target, digest);
    const pull = await this.#blobs.pull(target, digest, signal);
    if (pull.outcome.kind !== "bypass") this.#accesses.note(digest);
    return pull;
  }

  /** As `pullBlob`, in the way of `pullManifestAtOnce`. */
  pullBlobAtOnce(target: Target, digest: Digest): ReturnType<Blobs["pullAtOnce"]> {
    this.#assertAllowed(target, { kind: "digest", digest });
    const pull = this.#rights.mayPullAtOnce(target) ? this.#blobs.pullAtOnce(target, digest) : null;
    if (pull) this.#accesses.note(digest);
    return pull;
  }

  /** What HEAD tells of a blob, without a download. */
  async describeBlob(target: Target, digest: Digest): Promise<BlobDescription> {
    await this.#assertMayPullBlob(target, digest);
    return await this.#blobs.describe(target, digest);
  }

  /**
   * By tag it depends on what the client takes; a digest is what it is. What is here is not given while what it names cannot
   * be had.
   */
  async pullManifest(target: Target, reference: Reference, accept: Accept): Promise<ManifestPull> {
    const pull = await this.describeManifest(target, reference, accept);
    await this.#completeness.assertPullable(target, pull.manifest);
    if (pull.outcome.kind !== "bypass") this.#accesses.notePull(pull.manifest);
    return pull;
  }

  /**
   * As `pullManifest`, where all that it depends on is in memory and nobody need be asked, neither now nor behind the
   * answer; else null, and nothing is noted. Throws what that rejects with.
   */
  pullManifestAtOnce(target: Target, reference: Reference, accept: Accept): ManifestPull | null {
    // What is missing of the image while upstream is down the catalog says.
    if (target.upstream.down !== null) return null;
    const pull = this.describeManifestAtOnce(target, reference, accept);
    if (pull) this.#accesses.notePull(pull.manifest);
    return pull;
  }

  /** What HEAD tells of a manifest: the same, but no pull of its image. */
  async describeManifest(
    target: Target,
    reference: Reference,
    accept: Accept,
  ): Promise<ManifestPull> {
    this.#assertAllowed(target, reference);
    const mayPull = await this.#rights.mayPull(target, {
      about: `manifest ${referenceText(reference)}`,
      ask: (view) => view.hasManifest(target, reference),
    });
    if (!mayPull) throw manifestUnknown(referenceText(reference));
    const pull =
      reference.kind === "tag"
        ? await this.#tags.pull(target, reference.tag, accept)
        : await this.#manifests.pull(target, reference.digest);
    if (pull.outcome.kind !== "bypass") this.#accesses.noteLook(pull.manifest.digest);
    return pull;
  }

  /** As `describeManifest`, in the way of `pullManifestAtOnce`. */
  describeManifestAtOnce(
    target: Target,
    reference: Reference,
    accept: Accept,
  ): ManifestPull | null {
    this.#assertAllowed(target, reference);
    if (!this.#rights.mayPullAtOnce(target)) return null;
    const pull =
      reference.kind === "tag"
        ? this.#tags.pullAtOnce(target, reference.tag, accept)
        : this.#manifests.pullAtOnce(target, reference.digest);
    if (pull) this.#accesses.noteLook(pull.manifest.digest);
    return pull;
  }

  async listTags(target: Target, page: Page): Promise<TagsPull> {
    this.#assertAllowed(target, null);
    const mayList = await this.#rights.mayList(target, (view) => view.hasTags(target));
    if (!mayList) throw nameUnknown(target);
    return await this.#tagLists.pull(target, page);
  }

  /** What refers to a manifest: signatures, SBOMs; of one type, or all if it is null. */
  async listReferrers(
    target: Target,
    subject: Digest,
    artifactType: string | null,
  ): Promise<ReferrersPull> {
    this.#assertAllowed(target, { kind: "digest", digest: subject });
    // They are content, and not only names: whoever may not have the subject may not see what is said of it.
    const mayPull = await this.#rights.mayPull(target, {
      about: `manifest ${subject}`,
      ask: (view) => view.hasManifest(target, { kind: "digest", digest: subject }),
    });
    if (!mayPull) throw nameUnknown(target);
    return await this.#referrers.pull(target, subject, artifactType);
  }

  /** The fills that run now. */
  get fills(): readonly RunningFill[] {
    return this.#blobs.fills.running;
  }

  /** Resolves when no fill runs, and nothing behind an answer. */
  async idle(): Promise<void> {
    await this.#blobs.fills.idle();
    await this.#behind.idle();
  }

  /** Ends every fill; resolves when they have let go of the store. */
  async stop(): Promise<void> {
    await this.verifier[Symbol.asyncDispose]();
    this.#blobs.fills.abort(new Error("the mirror stops"));
    await this.#behind.stop();
    await this.idle();
    await this.simulator[Symbol.asyncDispose]();
    await this.evictor[Symbol.asyncDispose]();
    await this.#accesses[Symbol.asyncDispose]();
  }

  /** Throws DistributionError DENIED, with the operator's words, where a rule says so. */
  #assertAllowed(target: Target, reference: Reference | null): void {
    const { denial, place } = this.rules.ruling(locationOf(target), reference);
    if (denial !== null) throw new DistributionError("DENIED", denial, { detail: { rule: place } });
  }

  /** What is in memory of names and rights may have been forgotten in the catalog. */
  #forgetNames(): void {
    this.#forgetGranted();
    this.#notFound.clear();
    this.#passed.clear();
  }

  /**
   * With content goes what the catalog knows of it. What were remembered beyond that would be lost with the process: it is
   * to be learned anew, and noted, when the content is pulled again.
   */
  #forgetGranted(): void {
    this.#tags.dropFromMemory();
    this.#grants.dropFromMemory();
  }

  async #assertMayPullBlob(target: Target, digest: Digest): Promise<void> {
    this.#assertAllowed(target, { kind: "digest", digest });
    const mayPull = await this.#rights.mayPull(target, {
      about: `blob ${digest}`,
      ask: async (view) => (await view.headBlob(target, digest)) !== null,
    });
    if (!mayPull) throw blobUnknown(digest);
  }
}
