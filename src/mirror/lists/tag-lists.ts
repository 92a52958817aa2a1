import type { Page } from "../../oci/route.ts";
import type { Catalog } from "../../storage/catalog.ts";
import type { TagList } from "../../upstream/tag-list.ts";
import type { Target } from "../../upstream/upstreams.ts";
import type { PullOutcome } from "../pull-outcome.ts";
import { locationOf } from "../rights/grants.ts";
import { nameUnknown } from "../unknown.ts";
import { countOf, firstPage, type NamesPage, pageOutOf } from "./pages.ts";
import { standInFor } from "./stand-in.ts";

/** A page of tags; null as its outcome says that it is upstream's own, of this moment. */
export interface TagsPull {
  readonly outcome: PullOutcome | null;
  /** The JSON document. */
  readonly bytes: Buffer;
  /** Where the next page begins; null on the last one. */
  readonly next: Page | null;
}

/** The tags of repositories: upstream's own while it answers, those that are cached when it does not. */
export class TagLists {
  readonly #catalog: Catalog;

  constructor(catalog: Catalog) {
    this.#catalog = catalog;
  }

  async pull(target: Target, page: Page): Promise<TagsPull> {
    try {
      using _waiting = target.upstream.crowd.enter();
      const list = await target.upstream.listTags(target, page);
      if (list) return listedBy(target, list, page);
    } catch (error) {
      return await this.#cached(target, page, error);
    }
    throw nameUnknown(target);
  }

  async #cached(target: Target, page: Page, error: unknown): Promise<TagsPull> {
    const outcome = standInFor(error);
    // Where a token leads only upstream knows.
    if (!outcome || page.token !== null) throw error;
    const location = locationOf(target);
    const count = countOf(page);
    const tags = await this.#catalog.tags(location, page.last, count + 1);
    // An empty page is the end of a list; where nothing is known there is no list to be at the end of.
    const isEmpty = tags.length === 0 && (await this.#catalog.tags(location, null, 1)).length === 0;
    if (isEmpty) throw error;
    return { outcome, ...documentOf(target, firstPage(tags, page, count)) };
  }
}

function listedBy(target: Target, list: TagList, page: Page): TagsPull {
  const cut = pageOutOf(list, page);
  return { outcome: null, ...(cut ? documentOf(target, cut) : list) };
}

/** Distribution spec 1.1, "Listing Tags". */
function documentOf({ repository }: Target, { names, next }: NamesPage): Omit<TagsPull, "outcome"> {
  return { bytes: Buffer.from(JSON.stringify({ name: repository, tags: names })), next };
}
