import type Database from "better-sqlite3";
import type { Digest } from "../../oci/digest.ts";
import { isImageIndex, manifestMediaTypes } from "../../oci/manifest.ts";
import { type DigestKey, digestOfKey, idOf } from "../catalog/digest-key.ts";
import { type ReadStatements, readStatements } from "../catalog/reading/read-statements.ts";
import type { Access } from "../eviction/eviction.ts";
import type { ListedImage } from "./image-list.ts";

/** What the catalog says of one image, whatever it is called. */
export type StoredImage = Omit<ListedImage, "upstream" | "repository" | "reference">;

interface NamedRow {
  readonly key: DigestKey;
  /** null if it is not stored. */
  readonly sizeBytes: number | null;
  readonly namedBy: number | null;
  /** null for what is no stored manifest. */
  readonly manifestId: number | null;
  readonly mediaType: string | null;
}

/** What is gathered of an image, manifest by manifest. */
interface Gathered {
  /** By the id of its key, what is stored: `namedHere` by how many manifests of the image. */
  readonly content: Map<string, { sizeBytes: number; namedBy: number; namedHere: number }>;
  readonly stored: Digest[];
  named: number;
  missing: number;
}

const indexTypes = manifestMediaTypes
  .filter(isImageIndex)
  .map((type) => `'${type}'`)
  .join(", ");

// Nobody has seen an index of indexes; one that is made to go round must end.
const depthLimit = 4;

/** Looks at images, one after the other: what of each is stored, and when it was pulled. */
export class StoredImages {
  readonly #access: Database.Statement<[DigestKey, DigestKey], Pick<Access, "lastAtMs" | "pulls">>;
  readonly #size: ReadStatements["imageBytes"];
  readonly #itself: Database.Statement<[DigestKey], NamedRow>;
  readonly #named: Database.Statement<[number], NamedRow>;

  constructor(database: Database.Database) {
    this.#access = database.prepare(
      `SELECT coalesce(max(last_at_ms), 0) AS lastAtMs, coalesce(max(pulls), 0) AS pulls
       FROM (
         SELECT ? AS digest UNION ALL
         SELECT referenced FROM manifests CROSS JOIN manifest_references ON manifest_id = id
         WHERE digest = +? AND media_type IN (${indexTypes}))
       CROSS JOIN accesses USING (digest)`,
    );
    this.#size = readStatements(database).imageBytes;
    const columns = `size_bytes AS sizeBytes, named_by AS namedBy, id AS manifestId, media_type AS mediaType`;
    this.#itself = database.prepare(
      `SELECT blobs.digest AS key, ${columns} FROM blobs
       LEFT JOIN manifests ON manifests.digest = blobs.digest WHERE blobs.digest = +?`,
    );
    this.#named = database.prepare(
      `SELECT referenced AS key, ${columns} FROM manifest_references
       LEFT JOIN blobs ON blobs.digest = referenced
       LEFT JOIN manifests ON manifests.digest = referenced WHERE manifest_id = +?`,
    );
  }

  /** The latest and the most of what was pulled of it: clients pull an index once, and then one of its manifests. */
  access(key: DigestKey): Pick<Access, "lastAtMs" | "pulls"> {
    return this.#access.get(key, key) ?? { lastAtMs: 0, pulls: 0 };
  }

  /** As `look` says, but without looking at each blob here. */
  sizeBytes(key: DigestKey): number {
    return this.#size.get(key, key)?.bytes ?? 0;
  }

  look(key: DigestKey): StoredImage {
    const gathered: Gathered = { content: new Map(), stored: [], named: 0, missing: 0 };
    const root = this.#itself.get(key);
    if (root) {
      note(gathered, root, 0);
      this.#gather(gathered, root, 0);
    }
    const { content, stored, named, missing } = gathered;
    const all = [...content.values()];
    const shared = all.filter(({ namedBy, namedHere }) => namedBy > namedHere);
    return {
      digest: digestOfKey(key),
      mediaType: root?.mediaType ?? null,
      sizeBytes: bytesOf(all),
      sharedBytes: bytesOf(shared),
      missing,
      manifests: { stored, named },
      ...this.access(key),
    };
  }

  #gather(gathered: Gathered, { manifestId, mediaType }: NamedRow, depth: number): void {
    if (manifestId === null || depth > depthLimit) return;
    const isIndex = isImageIndex(mediaType ?? "");
    for (const row of this.#named.all(manifestId)) {
      if (isIndex) gathered.named++;
      else if (row.sizeBytes === null) gathered.missing++;
      const isNew = note(gathered, row, 1);
      if (!isIndex || row.manifestId === null || !isNew) continue;
      gathered.stored.push(digestOfKey(row.key));
      this.#gather(gathered, row, depth + 1);
    }
  }
}

/** Whether it had not been noted yet. */
function note({ content }: Gathered, row: NamedRow, times: 0 | 1): boolean {
  const { key, sizeBytes, namedBy } = row;
  if (sizeBytes === null) return false;
  const id = idOf(key);
  const known = content.get(id);
  if (known) known.namedHere += times;
  else content.set(id, { sizeBytes, namedBy: namedBy ?? 0, namedHere: times });
  return known === undefined;
}

function bytesOf(content: readonly { readonly sizeBytes: number }[]): number {
  return content.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
}
