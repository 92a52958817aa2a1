import type { Page } from "../../oci/route.ts";
import type { Catalog, Location } from "../../storage/catalog.ts";
import type { Target } from "../../upstream/upstreams.ts";
import type { PullRights } from "../rights/pull-rights.ts";
import type { Rules } from "../tags/rules.ts";
import { countOf, firstPage, type NamesPage, pageLimit } from "./pages.ts";

/** An upstream whose repositories are listed, and what stands before their names. */
export interface Listed extends Pick<Target, "upstream" | "login"> {
  /** "" or `HOST/`. */
  readonly prefix: string;
}

export interface RepositoriesAsked {
  readonly upstreams: readonly Listed[];
  /** Whether the caller may pull from it, as far as the mirror's own rules go. */
  readonly mayPull: (location: Location) => boolean;
}

export interface RepositoriesTools {
  readonly catalog: Catalog;
  readonly rights: PullRights;
  readonly rules: () => Rules;
}

/** The repositories of which something is cached. */
export class Repositories {
  readonly #tools: RepositoriesTools;

  constructor(tools: RepositoriesTools) {
    this.#tools = tools;
  }

  /** One page of those that may be shown to the login, in byte order. */
  async list({ upstreams, mayPull }: RepositoriesAsked, page: Page): Promise<NamesPage> {
    const count = countOf(page);
    const lists = upstreams.map((listed) =>
      this.#namesOf({ ...listed, mayPull }, page.last ?? "", count + 1),
    );
    return firstPage((await Promise.all(lists)).flat().sort(byBytes), page, count);
  }

  /** The first `count` names behind `last`. */
  async #namesOf(
    listed: Listed & Pick<RepositoriesAsked, "mayPull">,
    last: string,
    count: number,
  ): Promise<string[]> {
    const { upstream, prefix, mayPull } = listed;
    const { catalog, rights } = this.#tools;
    const rules = this.#tools.rules();
    const names: string[] = [];
    let after = last.startsWith(prefix) ? last.slice(prefix.length) : "";
    if (!last.startsWith(prefix) && byBytes(last, prefix) > 0) return [];
    for (let more = true; more && names.length < count; ) {
      const cached = await catalog.repositories(upstream.name, after, pageLimit);
      for (const repository of cached) {
        const location = { upstream: upstream.name, repository };
        const isDenied = rules.ruling(location, null).denial !== null;
        const isListed =
          !isDenied &&
          mayPull(location) &&
          (await rights.isListed(listed, location, rules.general));
        if (isListed && names.length < count) names.push(prefix + repository);
        after = repository;
      }
      more = cached.length === pageLimit;
    }
    return names;
  }
}

function byBytes(one: string, other: string): number {
  return Buffer.compare(Buffer.from(one), Buffer.from(other));
}
