import { LRUCache } from "lru-cache";
import { clientNetwork } from "./client-network.ts";
import { latencyBucketOf } from "./latency.ts";
import type { TrafficOutcome } from "./traffic.ts";
import {
  addTraffic,
  cellKey,
  cellOf,
  noTraffic,
  type Traffic,
  type TrafficKind,
} from "./traffic.ts";

/** One request for content of an upstream, when it is over. */
export interface MeteredRequest {
  readonly upstream: string;
  readonly kind: TrafficKind;
  readonly outcome: TrafficOutcome;
  readonly sentBytes: number;
  readonly durationMs: number;
  /** Whether the client took the manifest of an image, which is what registries count as a pull. */
  readonly isPull: boolean;
  /** Its address. */
  readonly client: string | undefined;
}

/** What the clients of one network were sent in some time. */
export interface NetworkTraffic {
  requests: number;
  pulls: number;
  savedPulls: number;
  sentBytes: number;
  /** Of answers for which nothing was downloaded. */
  savedBytes: number;
}

/** What happened in one minute. */
export interface MinuteTraffic {
  /** Its beginning, in minutes since the epoch. */
  readonly minute: number;
  readonly upstreams: Map<string, Traffic>;
  /** By the network's name, as `clientNetwork` has it. */
  readonly networks: Map<string, NetworkTraffic>;
}

/** Networks beyond those that are told apart. */
export const otherNetworks = "other";

// A site has some dozens. Whoever asks from everywhere is not worth more memory, nor more rows.
const networksLimit = 256;

// Clients that are heard of again; each takes some 100 bytes.
const addressesLimit = 2_000;

// While it is not written, or cannot be: half a day, some 3 KB each.
const minutesLimit = 720;

export function noNetworkTraffic(): NetworkTraffic {
  return { requests: 0, pulls: 0, savedPulls: 0, sentBytes: 0, savedBytes: 0 };
}

/** Adds `more` to `sum`. */
export function addNetworkTraffic(sum: NetworkTraffic, more: NetworkTraffic): void {
  sum.requests += more.requests;
  sum.pulls += more.pulls;
  sum.savedPulls += more.savedPulls;
  sum.sentBytes += more.sentBytes;
  sum.savedBytes += more.savedBytes;
}

/** Whether the answer cost no download. */
function isSaved(outcome: TrafficOutcome): boolean {
  return (
    outcome === "hit" || outcome === "revalidated" || outcome === "stale" || outcome === "collapsed"
  );
}

/** Gathers what happens by minute and upstream until it is taken. A request costs some additions. */
export class TrafficMeter {
  readonly #now: () => number;
  readonly #networks = new LRUCache<string, string>({ max: addressesLimit });
  #minutes: MinuteTraffic[] = [];
  #lostMinutes = 0;

  /** `now` is the wall clock, in ms since the epoch. */
  constructor(now: () => number) {
    this.#now = now;
  }

  note(request: MeteredRequest): void {
    const { upstream, kind, outcome, sentBytes, durationMs, isPull } = request;
    const minute = this.#present();
    const traffic = trafficOf(minute, upstream);
    const cell = cellOf(traffic, cellKey(kind, outcome));
    const bucket = latencyBucketOf(durationMs);
    cell.latencies[bucket] = (cell.latencies[bucket] ?? 0) + 1;
    cell.sentBytes += sentBytes;
    const saved = isSaved(outcome);
    if (isPull) traffic.pulls++;
    if (isPull && saved) traffic.savedPulls++;
    const network = networkOf(minute, this.#networkOf(request.client));
    network.requests++;
    network.sentBytes += sentBytes;
    if (isPull) network.pulls++;
    if (isPull && saved) network.savedPulls++;
    if (saved) network.savedBytes += sentBytes;
  }

  /** What came from an upstream since it was noted last. */
  noteReceived(
    upstream: string,
    received: Pick<Traffic, "receivedBytes" | "fills" | "failedFills">,
  ): void {
    addTraffic(trafficOf(this.#present(), upstream), { ...noTraffic(), ...received });
  }

  /** What was gathered and not taken. */
  get pending(): readonly MinuteTraffic[] {
    return this.#minutes;
  }

  /** Hands out what was gathered, in the order of time, and lets go of it: at most so many minutes. */
  take(limit: number = minutesLimit): MinuteTraffic[] {
    return this.#minutes.splice(0, limit);
  }

  /** Takes back what could not be written. */
  giveBack(minutes: readonly MinuteTraffic[]): void {
    const [present] = this.#minutes;
    const last = minutes.at(-1);
    // It was begun anew while it was to be written, and would be twice as many minutes after each failure.
    const isSame = present !== undefined && present.minute === last?.minute;
    if (isSame) addMinute(present, last);
    this.#minutes.unshift(...(isSame ? minutes.slice(0, -1) : minutes));
    this.#loseOldest();
  }

  /** How many minutes were lost because they could not be written for too long. */
  get lostMinutes(): number {
    return this.#lostMinutes;
  }

  /** The minute that it is; a clock that was set back begins one anew, and rows of one minute are added up. */
  #present(): MinuteTraffic {
    const minute = Math.floor(this.#now() / 60_000);
    const last = this.#minutes.at(-1);
    if (last?.minute === minute) return last;
    const next = { minute, upstreams: new Map(), networks: new Map() };
    this.#minutes.push(next);
    this.#loseOldest();
    return next;
  }

  #loseOldest(): void {
    const excess = this.#minutes.length - minutesLimit;
    if (excess > 0) this.#lostMinutes += this.#minutes.splice(0, excess).length;
  }

  #networkOf(client: string | undefined): string {
    if (client === undefined) return clientNetwork(client);
    const known = this.#networks.get(client);
    if (known !== undefined) return known;
    const network = clientNetwork(client);
    this.#networks.set(client, network);
    return network;
  }
}

function trafficOf({ upstreams }: MinuteTraffic, upstream: string): Traffic {
  let traffic = upstreams.get(upstream);
  if (!traffic) {
    traffic = noTraffic();
    upstreams.set(upstream, traffic);
  }
  return traffic;
}

function addMinute(sum: MinuteTraffic, more: MinuteTraffic): void {
  for (const [name, traffic] of more.upstreams) addTraffic(trafficOf(sum, name), traffic);
  for (const [name, traffic] of more.networks) addNetworkTraffic(networkOf(sum, name), traffic);
}

function networkOf({ networks }: MinuteTraffic, name: string): NetworkTraffic {
  const told = networks.has(name) || networks.size < networksLimit ? name : otherNetworks;
  let network = networks.get(told);
  if (!network) {
    network = noNetworkTraffic();
    networks.set(told, network);
  }
  return network;
}
