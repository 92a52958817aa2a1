/** How it is decided which images go first. */
export type EvictionPolicyName = "lru" | "lfu" | "gdsf";

/** What is known of an image at the moment it is pulled. */
export interface PulledImage {
  /** In ms since the epoch. */
  readonly atMs: number;
  /** How often it was pulled since it is stored, this pull included; 0 of what was only looked at. */
  readonly pulls: number;
  /** Of all that it names, shared with other images or not. */
  readonly sizeBytes: number;
  /**
   * The priority of the image that was evicted last, 0 before. If that is lost, the lowest priority of what is stored
   * will do: it is where the floor would rise to with the next eviction.
   */
  readonly floor: number;
}

export interface EvictionPolicy {
  /**
   * Images are evicted in ascending order of this number, which is finite; of equals, the one goes first whose last pull
   * is longer ago. It changes with a pull of the image or a look at it and with nothing else, so it can be stored and
   * indexed. Numbers of different policies say nothing beside each other: whoever changes the policy ranks all images anew,
   * with a floor of 0.
   */
  priority(image: PulledImage): number;
}

/** The longest not pulled goes first. A scan of thousands of images pushes out what is pulled every day. */
const lru: EvictionPolicy = { priority: ({ atMs }) => atMs };

/**
 * The least often pulled goes first: LFU with dynamic ageing (Arlitt et al., "Evaluating content management techniques
 * for Web proxy caches", 1999). The floor rises with every eviction, so what was once popular is overtaken by what is now.
 */
const lfu: EvictionPolicy = { priority: ({ pulls, floor }) => floor + pulls };

// What a miss costs beside its bytes, in bytes: about ten requests one after the other (tag, manifests, token, blobs), of
// 100 ms each, in which a link of 500 Mbit/s would have brought so much.
const requestsBytes = 64 * 1024 ** 2;

/**
 * What is worth least for the room it takes goes first: Greedy-Dual-Size-Frequency (Cherkasova, "Improving WWW proxies
 * performance with Greedy-Dual-Size-Frequency caching policy", 1998). What a miss costs is its bytes and its requests. With
 * the bytes alone sizes would not matter, with the requests alone no large image would stay beside small ones.
 *
 * Pulls count by their doublings, unlike there: a rollout pulls an image by fifty nodes in a minute and a nightly job by ten,
 * and neither says that it will be wanted so much more often tomorrow.
 */
const gdsf: EvictionPolicy = {
  priority: ({ pulls, sizeBytes, floor }) =>
    floor + Math.log2(1 + pulls) * (1 + requestsBytes / Math.max(sizeBytes, 1)),
};

/** The policy that the mirror evicts by: `bench/EVICTION.md` says why. */
export const presentPolicy: EvictionPolicyName = "gdsf";

export const evictionPolicies: Readonly<Record<EvictionPolicyName, EvictionPolicy>> = {
  lru,
  lfu,
  gdsf,
};
