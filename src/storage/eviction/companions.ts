import { type DigestKey, digestOfKey, idOf } from "../catalog/digest-key.ts";
import { principalIn, tagAbout } from "./tag-about.ts";
import type { RootRow, VictimQueries } from "./victim-queries.ts";

// How far is looked for what a manifest waits for. Real ones wait for an image and its index.
const waitsLimit = 1000;

/** What signs or describes other content, and so goes with that: by its subject, or by a tag. */
export class Companions {
  readonly #queries: VictimQueries;
  /** Ids of the keys that go already. */
  readonly #gone: ReadonlySet<string>;

  constructor(queries: VictimQueries, gone: ReadonlySet<string>) {
    this.#queries = queries;
    this.#gone = gone;
  }

  /** What is about it. */
  of(key: DigestKey): RootRow[] {
    const bySubject = this.#queries.about.all(key);
    const tag = tagAbout(digestOfKey(key));
    if (tag === null) return bySubject;
    return [...bySubject, ...this.#queries.taggedBetween.all(tag, `${tag}~`)];
  }

  /** Manifests that stay and that this one is about: its subject, and what its tags of the form `sha256-HEX…` say. */
  principalsOf({ key, subject }: RootRow): RootRow[] {
    const named = this.#queries.tagsOf.all(key).map(({ tag }) => principalIn(tag));
    return this.#staying([subject, ...named].flatMap((one) => this.#manifest(one) ?? []));
  }

  /** Whether it has a tag that does not only say what it is about. */
  hasOwnTag(key: DigestKey): boolean {
    return this.#queries.tagsOf.all(key).some(({ tag }) => principalIn(tag) === null);
  }

  /**
   * Whether it goes with something that does not go before it, such as an index that is about its own child: such
   * content would stay for good.
   */
  waitsForItself(row: RootRow): boolean {
    const seen = new Set<string>();
    const open = this.principalsOf(row);
    for (let next = open.pop(); next && seen.size < waitsLimit; next = open.pop()) {
      if (next.key.equals(row.key)) return true;
      if (seen.has(idOf(next.key))) continue;
      seen.add(idOf(next.key));
      open.push(...this.#staying(this.#queries.namers.all(next.key)));
      if (!this.hasOwnTag(next.key)) open.push(...this.principalsOf(next));
    }
    return seen.size >= waitsLimit;
  }

  #staying(rows: readonly RootRow[]): RootRow[] {
    return rows.filter(({ key }) => !this.#gone.has(idOf(key)));
  }

  #manifest(key: DigestKey | null): RootRow | undefined {
    return key === null ? undefined : this.#queries.manifest.get(key);
  }
}
