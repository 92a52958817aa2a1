import { LRUCache } from "lru-cache";
import type { RunningFill } from "../mirror/fills/running-fill.ts";
import type { Catalog } from "../storage/catalog.ts";

/** The full name of an image of the fill's repository that needs what it brings; null as long as none is known. */
export type FillImages = (fill: RunningFill) => Promise<string | null>;

// Each is a question to a thread, and who watches asks for all fills every second.
const rememberedMs = 10_000;
const rememberedFills = 1_000;

export function openFillImages(catalog: Pick<Catalog, "ask">): FillImages {
  const known = new LRUCache<string, Promise<string | null>>({
    max: rememberedFills,
    ttl: rememberedMs,
  });
  return (fill) => {
    const key = `${fill.upstream} ${fill.digest}`;
    const remembered = known.get(key);
    if (remembered) return remembered;
    const found = imageOf(catalog, fill);
    known.set(key, found);
    // Who asks now is told why, and who asks next finds out whether it is still so.
    found.catch(() => known.delete(key));
    return found;
  };
}

async function imageOf(
  catalog: Pick<Catalog, "ask">,
  { upstream, repository, digest }: RunningFill,
): Promise<string | null> {
  const shared = { content: [{ digest, sizeBytes: 0 }], own: [] };
  const { names } = await catalog.ask({ kind: "sharers", shared });
  return names.find(({ name }) => name.startsWith(`${upstream}/${repository}:`))?.name ?? null;
}
