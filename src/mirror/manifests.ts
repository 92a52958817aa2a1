import type { Digest } from "../oci/digest.ts";
import { DistributionError } from "../oci/distribution-error.ts";
import type { Manifest } from "../oci/manifest.ts";
import { type Reference, referenceText } from "../oci/reference.ts";
import { SingleFlight } from "../upstream/single-flight.ts";
import type { Target } from "../upstream/upstreams.ts";
import type { Behind } from "./behind.ts";
import { type Grants, locationOf } from "./grants.ts";
import type { NotFound } from "./not-found.ts";
import { withPatience } from "./patience.ts";
import type { PullOutcome } from "./pull-outcome.ts";
import type { StorageTools } from "./storage-tools.ts";
import type { StoredContent } from "./stored-content.ts";

export interface ManifestPull {
  readonly outcome: PullOutcome;
  readonly manifest: Manifest;
}

export interface ManifestTools {
  readonly storage: StorageTools;
  readonly stored: StoredContent;
  readonly grants: Grants;
  readonly notFound: NotFound;
  readonly behind: Behind;
}

/** containerd gives up on a header after 30 seconds. */
export const longestWaitMs = 25_000;

/** Pulls of manifests by digest. */
export class Manifests {
  readonly #tools: ManifestTools;
  readonly #flights = new SingleFlight<ManifestPull>();

  constructor(tools: ManifestTools) {
    this.#tools = tools;
  }

  async pull(target: Target, digest: Digest): Promise<ManifestPull> {
    const { stored, grants, notFound } = this.#tools;
    if (notFound.has(target, `manifest ${digest}`)) throw manifestUnknown(digest);
    const manifest = await stored.manifest(digest);
    if (manifest) {
      const wasGranted = await grants.isKnown(target, digest);
      if (!(await this.#mayHave(target, digest))) throw this.#missing(target, digest);
      if (!wasGranted) this.#proveMembers(target, digest);
      return { outcome: { kind: "hit", tag: null }, manifest };
    }
    const { upstream, repository } = target;
    const key = `${upstream.name} ${repository} ${digest}`;
    const flight = this.#flights.run(key, () => this.#fetch(target, digest));
    const pull = await withPatience(flight.result, longestWaitMs, upstream.name);
    return flight.joined ? { ...pull, outcome: { kind: "collapsed" } } : pull;
  }

  /** Stores what upstream sent through this repository. */
  async keep(target: Target, manifest: Manifest): Promise<ManifestPull> {
    const { stored, notFound } = this.#tools;
    notFound.forget(target, `manifest ${manifest.digest}`);
    const isStored = await stored.storeManifest(locationOf(target), manifest);
    if (isStored) this.#proveMembers(target, manifest.digest);
    return { outcome: { kind: "miss", stored: isStored }, manifest };
  }

  /** Upstream has just said that the repository holds a manifest that is here. */
  async grant(target: Target, digest: Digest): Promise<void> {
    const { grants } = this.#tools;
    const wasGranted = await grants.isKnown(target, digest);
    await grants.record(target, digest);
    if (!wasGranted) this.#proveMembers(target, digest);
  }

  async #fetch(target: Target, digest: Digest): Promise<ManifestPull> {
    const manifest = await target.upstream.getManifest(target, { kind: "digest", digest });
    if (manifest) return await this.keep(target, manifest);
    const { grants, storage } = this.#tools;
    // What is here as a blob was only asked for as what it is not.
    if (!(await storage.catalog.blob(digest))) await grants.revoke(target, digest);
    throw this.#missing(target, digest);
  }

  async #mayHave(target: Target, digest: Digest): Promise<boolean> {
    const reference: Reference = { kind: "digest", digest };
    return await this.#tools.grants.mayHave(target, digest, () =>
      target.upstream.hasManifest(target, reference),
    );
  }

  #missing(target: Target, digest: Digest): DistributionError {
    this.#tools.notFound.note(target, `manifest ${digest}`);
    return manifestUnknown(digest);
  }

  /**
   * What the manifest names may be here by way of other repositories. That is proven while upstream can be asked: the
   * pull of it needs no question then, and works when upstream is down. Trouble ends it: nobody waits for the others.
   */
  #proveMembers(target: Target, manifest: Digest): void {
    const { behind, grants, storage } = this.#tools;
    const { upstream } = target;
    const location = locationOf(target);
    behind.run(upstream.name, `members of ${location.repository} ${manifest}`, async () => {
      for (const digest of await storage.catalog.ungranted(location, manifest)) {
        const isManifest = (await storage.catalog.manifestMediaType(digest)) !== null;
        const isHeld = await grants.prove(target, digest, async () => {
          if (!isManifest) return (await upstream.headBlob(target, digest)) !== null;
          return await upstream.hasManifest(target, { kind: "digest", digest });
        });
        if (isManifest && isHeld) this.#proveMembers(target, digest);
      }
    });
  }
}

export function manifestUnknown(reference: string): DistributionError {
  return new DistributionError(
    "MANIFEST_UNKNOWN",
    "upstream has no such manifest in this repository",
    { detail: { reference } },
  );
}

export function unknownReference(reference: Reference): DistributionError {
  return manifestUnknown(referenceText(reference));
}
