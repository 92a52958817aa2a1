import type { Digest } from "../../oci/digest.ts";
import { keyOf } from "../catalog/digest-key.ts";
import { principalIn, tagAbout } from "./tag-about.ts";
import type { RootRow, VictimQueries } from "./victim-queries.ts";

// How far is looked for what a manifest waits for. Real ones wait for an image and its index.
const waitsLimit = 1000;

/** What signs or describes other content, and so goes with that: by its subject, or by a tag. */
export class Companions {
  readonly #queries: VictimQueries;
  /** What goes already. */
  readonly #gone: ReadonlySet<Digest>;

  constructor(queries: VictimQueries, gone: ReadonlySet<Digest>) {
    this.#queries = queries;
    this.#gone = gone;
  }

  /** What is about it. */
  of(digest: Digest): RootRow[] {
    const bySubject = this.#queries.about.all(keyOf(digest));
    const tag = tagAbout(digest);
    if (tag === null) return bySubject;
    return [...bySubject, ...this.#queries.taggedBetween.all(tag, `${tag}~`)];
  }

  /** Manifests that stay and that this one is about: its subject, and what its tags of the form `sha256-HEX…` say. */
  principalsOf({ digest, subject }: RootRow): RootRow[] {
    const named = this.#queries.tagsOf.all(keyOf(digest)).map(({ tag }) => principalIn(tag));
    return this.#staying([subject, ...named].flatMap((one) => this.#manifest(one) ?? []));
  }

  /** Whether it has a tag that does not only say what it is about. */
  hasOwnTag(digest: Digest): boolean {
    return this.#queries.tagsOf.all(keyOf(digest)).some(({ tag }) => principalIn(tag) === null);
  }

  /**
   * Whether it goes with something that does not go before it, such as an index that is about its own child: such
   * content would stay for good.
   */
  waitsForItself(row: RootRow): boolean {
    const seen = new Set<Digest>();
    const open = this.principalsOf(row);
    for (let next = open.pop(); next && seen.size < waitsLimit; next = open.pop()) {
      if (next.digest === row.digest) return true;
      if (seen.has(next.digest)) continue;
      seen.add(next.digest);
      open.push(...this.#staying(this.#queries.namers.all(keyOf(next.digest))));
      if (!this.hasOwnTag(next.digest)) open.push(...this.principalsOf(next));
    }
    return seen.size >= waitsLimit;
  }

  #staying(rows: readonly RootRow[]): RootRow[] {
    return rows.filter(({ digest }) => !this.#gone.has(digest));
  }

  #manifest(digest: Digest | null): RootRow | undefined {
    return digest === null ? undefined : this.#queries.manifest.get(keyOf(digest));
  }
}
