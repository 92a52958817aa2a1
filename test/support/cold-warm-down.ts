import assert from "node:assert/strict";
import type { CorpusRegistries } from "./corpus-registries.ts";
import type { RegistryRequest } from "./docker-registry.ts";
import { type Settings, SluiceProcess } from "./sluice-process.ts";

/** A mirror before them in which a tag is old at once: every pull asks what it means, and the last ones meet silence. */
export async function mirrorBefore({
  upstreams,
}: {
  readonly upstreams: Settings;
}): Promise<SluiceProcess> {
  return SluiceProcess.start({ upstreams, settings: { freshness: { ttl: "0s" } } });
}

/**
 * Pulls through a mirror that has nothing yet, again, and with both registries stopped: each blob is asked for
 * once, then none is. `pullAll` rejects when a pull fails, and leaves nothing in the client.
 */
export async function coldWarmAndDown(
  registries: CorpusRegistries,
  pullAll: () => Promise<unknown>,
): Promise<void> {
  assertEachOnce(await registries.blobGetsOf(pullAll));
  assert.deepEqual(await registries.blobGetsOf(pullAll), [], "the warm pull asked for no blob");
  await registries.stop();
  try {
    await pullAll();
  } finally {
    await registries.restart();
  }
}

/** One GET of each blob, and at least one. */
export function assertEachOnce(gets: readonly RegistryRequest[]): void {
  const digests = gets.map(({ path }) => path.slice(path.lastIndexOf("/") + 1));
  assert.ok(digests.length > 0, "upstream was asked for blobs");
  assert.deepEqual(digests.toSorted(), [...new Set(digests)].toSorted(), "each blob once");
}
