import type Database from "better-sqlite3";
import type { Digest } from "../../../oci/digest.ts";
import type { Tag } from "../../../oci/reference.ts";
import type { Repository } from "../../../oci/repository.ts";
import type {
  BlobRecord,
  Location,
  ScrubRound,
  TagMove,
  TagRecord,
  TagVariant,
  Usage,
  Variant,
} from "../../catalog.ts";
import type { Access } from "../../eviction/eviction.ts";
import type { PinRecord } from "../../eviction/pins.ts";
import { digestOfKey, digestsOf, keyOf, noKey } from "../digest-key.ts";
import type { CatalogDamage } from "../file/catalog-damage.ts";
import { namesOf } from "../location-in-sql.ts";
import { type ReadStatements, readStatements } from "./read-statements.ts";

/** The look-ups of the Catalog port, on the thread that asks. Damage that one of them meets is noted. */
export class CatalogReads {
  readonly #reads: ReadStatements;
  readonly #damage: CatalogDamage;

  constructor(database: Database.Database, damage: CatalogDamage) {
    this.#reads = readStatements(database);
    this.#damage = damage;
  }

  async blob(digest: Digest): Promise<BlobRecord | null> {
    const row = this.#read((reads) => reads.blob.get(keyOf(digest)));
    return row ? { digest, ...row } : null;
  }

  async manifestMediaType(digest: Digest): Promise<string | null> {
    return this.#read((reads) => reads.manifestMediaType.get(keyOf(digest)))?.mediaType ?? null;
  }

  async tag(location: Location, tag: Tag, variant: Variant): Promise<TagRecord | null> {
    const row = this.#read((reads) => reads.tag.get(...namesOf(location), tag, variant));
    return row ? { ...row, digest: digestOfKey(row.digest) } : null;
  }

  async tagVariants(location: Location, tag: Tag): Promise<readonly TagVariant[]> {
    const rows = this.#read((reads) => reads.tagVariants.all(...namesOf(location), tag));
    return rows.map((row) => ({ ...row, digest: digestOfKey(row.digest) }));
  }

  async tagMoves(location: Location, tag: Tag, limit: number): Promise<readonly TagMove[]> {
    const rows = this.#read((reads) => reads.tagMoves.all(...namesOf(location), tag, limit));
    return rows.map(({ atMs, from, to }) => {
      return { atMs, from: from && digestOfKey(from), to: digestOfKey(to) };
    });
  }

  async tags(location: Location, after: string | null, limit: number): Promise<readonly Tag[]> {
    return this.#read((reads) => reads.tags.all(...namesOf(location), after ?? "", limit)).map(
      ({ tag }) => tag,
    );
  }

  async repositories(
    upstream: string,
    after: string | null,
    limit: number,
  ): Promise<readonly Repository[]> {
    return this.#read((reads) => reads.repositories.all(upstream, after ?? "", limit)).map(
      ({ name }) => name,
    );
  }

  async grantedAtMs(location: Location, digest: Digest): Promise<number | null> {
    const row = this.#read((reads) => reads.grant.get(...namesOf(location), keyOf(digest)));
    return row?.grantedAtMs ?? null;
  }

  async isReferenced(location: Location, digest: Digest): Promise<boolean> {
    const key = keyOf(digest);
    if (!this.#read((reads) => reads.reference.get(key, ...namesOf(location)))) return false;
    return this.#read((reads) => reads.grantOfUpstream.get(key, location.upstream)) !== undefined;
  }

  async referrers(location: Location, subject: Digest, limit: number): Promise<readonly Digest[]> {
    return digestsOf(
      this.#read((reads) => reads.referrers.all(keyOf(subject), ...namesOf(location), limit)),
    );
  }

  async ungranted(location: Location, manifest: Digest): Promise<readonly Digest[]> {
    return digestsOf(
      this.#read((reads) => reads.ungranted.all(keyOf(manifest), ...namesOf(location))),
    );
  }

  async publicAtMs(location: Location): Promise<number | null> {
    return this.#read((reads) => reads.publicAt.get(...namesOf(location)))?.publicAtMs ?? null;
  }

  async usage(): Promise<Usage> {
    const none = { blobs: 0, bytes: 0, allocatedBytes: 0 };
    return this.#read((reads) => reads.usage.get()) ?? none;
  }

  async blobs(after: Digest | null, limit: number): Promise<readonly BlobRecord[]> {
    const rows = this.#read((reads) => reads.blobs.all(after ? keyOf(after) : noKey, limit));
    return rows.map((row) => ({ ...row, digest: digestOfKey(row.digest) }));
  }

  async access(digest: Digest): Promise<Access | null> {
    return this.#read((reads) => reads.access.get(keyOf(digest))) ?? null;
  }

  async imageBytes(manifest: Digest): Promise<number> {
    const key = keyOf(manifest);
    return this.#read((reads) => reads.imageBytes.get(key, key))?.bytes ?? 0;
  }

  async lowestPriority(): Promise<number> {
    return this.#read((reads) => reads.lowestPriority.get())?.priority ?? 0;
  }

  async isPulledImage(image: Digest): Promise<boolean> {
    return this.#read((reads) => reads.pulledImage.get(keyOf(image))) !== undefined;
  }

  async pins(): Promise<readonly PinRecord[]> {
    return this.#read((reads) => reads.pins.all());
  }

  async scrubRound(): Promise<ScrubRound | null> {
    const row = this.#read((reads) => reads.scrubRound.get());
    if (!row) return null;
    const { checkedTo, isOver } = row;
    return { ...row, checkedTo: checkedTo && digestOfKey(checkedTo), isOver: isOver === 1 };
  }

  #read<T>(look: (reads: ReadStatements) => T): T {
    try {
      return look(this.#reads);
    } catch (error) {
      throw this.#damage.note(error);
    }
  }
}
