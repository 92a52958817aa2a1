import Database from "better-sqlite3";
import { type Digest, digestOf, hexOf } from "../../src/oci/digest.ts";
import { type DigestKey, digestOfKey } from "../../src/storage/catalog/digest-key.ts";
import { migrate } from "../../src/storage/catalog/file/migrations.ts";
import { WriteStatements } from "../../src/storage/catalog/writing/write-statements.ts";
import { chooseVictims } from "../../src/storage/eviction/choose-victims.ts";
import type { EvictionPlan, VictimRequest } from "../../src/storage/eviction/eviction.ts";
import { blobRecord, locationOf, tagOf } from "./catalog-suite.ts";

/** What differs from an untagged thing of one block that was pulled at 0. */
export interface Pulled {
  readonly sizeBytes?: number;
  readonly atMs?: number;
  /** As `atMs` where nothing is said. */
  readonly priority?: number;
  /** Of the upstream `hub.test`; `images` where nothing is said. */
  readonly repository?: string;
}

export interface MadeManifest extends Pulled {
  readonly names?: readonly string[];
  readonly subject?: string;
  readonly tags?: readonly string[];
}

/** The digest of what a test calls `name`. */
export function digestNamed(name: string): Digest {
  return digestOf(Buffer.from(name));
}

/** The tag under which cosign and the referrers' tag schema keep what is about `name`. */
export function tagAbout(name: string, suffix: string = ".sig"): string {
  return `sha256-${hexOf(digestNamed(name))}${suffix}`;
}

/** A catalog in memory whose content has names in place of digests. */
export class HandMadeCatalog implements Disposable {
  readonly database: Database.Database = new Database(":memory:");
  readonly #statements: WriteStatements;
  readonly #names = new Map<Digest, string>();

  constructor() {
    this.database.pragma("foreign_keys = ON");
    migrate(this.database);
    this.#statements = new WriteStatements(this.database);
  }

  blob(name: string, made: Pulled = {}): void {
    const { sizeBytes = 4096, repository = "images" } = made;
    const location = locationOf("hub.test", repository);
    this.#names.set(digestNamed(name), name);
    const blob = blobRecord(name, sizeBytes);
    this.#statements.apply({ kind: "record-blob", location, blob, nowMs: 0 });
    this.#pulled(name, made);
  }

  manifest(name: string, made: MadeManifest = {}): void {
    const { sizeBytes = 4096, repository = "images", names = [], subject, tags = [] } = made;
    const location = locationOf("hub.test", repository);
    this.#names.set(digestNamed(name), name);
    const manifest = {
      blob: blobRecord(name, sizeBytes),
      mediaType: "application/vnd.oci.image.manifest.v1+json",
      references: names.map(digestNamed),
      subject: subject === undefined ? null : digestNamed(subject),
    };
    this.#statements.apply({ kind: "record-manifest", location, manifest, nowMs: 0 });
    for (const tag of tags) this.tag(tag, name, repository);
    this.#pulled(name, made);
  }

  tag(tag: string, name: string, repository: string = "images"): void {
    const location = locationOf("hub.test", repository);
    const record = { digest: digestNamed(name), checkedAtMs: 0 };
    this.#statements.apply({ kind: "record-tag", location, tag: tagOf(tag), variant: "", record });
  }

  plan(request: Partial<VictimRequest>): EvictionPlan {
    return chooseVictims(this.database, {
      freeBytes: 0,
      idleSinceMs: null,
      pins: [],
      limit: Number.POSITIVE_INFINITY,
      rest: "counted",
      named: false,
      arriving: { digests: [], pulledSinceMs: 0 },
      ...request,
    });
  }

  /** Which roots go, and what with each of them. */
  goes(request: Partial<VictimRequest>): Record<string, readonly string[]> {
    const { victims } = this.plan(request);
    return Object.fromEntries(
      victims.map(({ root, freed }) => [
        this.#nameOf(root),
        freed
          .slice(1)
          .map(({ digest }) => this.#nameOf(digest))
          .toSorted(),
      ]),
    );
  }

  apply({ victims }: EvictionPlan): void {
    for (const { latestAtMs, freed } of victims) {
      const digests = freed.map(({ digest }) => digest);
      this.#statements.apply({ kind: "evict", eviction: { latestAtMs, digests } });
    }
  }

  /** What is stored, in byte order. */
  stored(): string[] {
    const rows = this.database.prepare("SELECT digest FROM blobs").all() as { digest: DigestKey }[];
    return rows.map(({ digest }) => this.#nameOf(digestOfKey(digest))).toSorted();
  }

  [Symbol.dispose](): void {
    this.database.close();
  }

  #pulled(name: string, { atMs = 0, priority = atMs }: Pulled): void {
    const access = { digest: digestNamed(name), lastAtMs: atMs, pulls: 1, priority };
    this.#statements.apply({ kind: "record-accesses", accesses: [access] });
  }

  #nameOf(digest: Digest): string {
    return this.#names.get(digest) ?? digest;
  }
}
