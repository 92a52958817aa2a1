import type { Member, Pull } from "../../src/mirror/simulation/pull-log.ts";
import type { MadeUpImage } from "./made-up-images.ts";

/** That somebody wants an image, whatever of it is there already. */
export interface Want {
  readonly atMs: number;
  readonly image: MadeUpImage;
  /** A machine that keeps what it pulled, by name; null for one that begins empty each time, such as a CI runner. */
  readonly client: string | null;
}

// What a node's disk holds of images before its kubelet removes what is old.
const clientBytes = 60 * 1024 ** 3;

/**
 * The pulls that reach a mirror: a client asks for what it does not hold, and not at all for an image that it holds whole.
 * So the most shared layers are, after a while, the ones least asked for.
 */
export function pullsOf(wants: readonly Want[]): readonly Pull[] {
  const clients = new Map<string, ClientCache>();
  return wants.flatMap(({ atMs, image, client }) => {
    const asked = client === null ? image.members : cacheOf(clients, client).missing(image.members);
    return asked.length === 0 ? [] : [{ atMs, image: image.key, members: image.members, asked }];
  });
}

function cacheOf(clients: Map<string, ClientCache>, name: string): ClientCache {
  const cache = clients.get(name) ?? new ClientCache();
  clients.set(name, cache);
  return cache;
}

class ClientCache {
  /** In the order of their last use. */
  readonly #held = new Map<string, Member>();
  #heldBytes = 0;

  /** Those of `members` that the client does not hold; from now on it holds them all. */
  missing(members: readonly Member[]): readonly Member[] {
    const missing = members.filter(({ digest }) => !this.#held.has(digest));
    for (const member of members) this.#use(member);
    this.#removeOld();
    return missing;
  }

  #use(member: Member): void {
    if (!this.#held.delete(member.digest)) this.#heldBytes += member.sizeBytes;
    this.#held.set(member.digest, member);
  }

  #removeOld(): void {
    for (const [digest, { sizeBytes }] of this.#held) {
      if (this.#heldBytes <= clientBytes) return;
      this.#held.delete(digest);
      this.#heldBytes -= sizeBytes;
    }
  }
}
