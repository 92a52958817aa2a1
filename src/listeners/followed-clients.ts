import type { UpstreamConfig } from "../config/config.ts";
import type { CertificatePair } from "../config/files/certificate-pair.ts";
import { Lookout } from "../config/files/followed-files.ts";
import type { Log } from "../telemetry/log.ts";
import { FollowedPair } from "./followed-pair.ts";

export interface FollowedClientsOptions {
  readonly log: Log;
  /** Called with an upstream's name and what is in the files of its client certificate now. */
  readonly onPair: (upstream: string, pair: CertificatePair) => void;
}

// As for the certificates of listeners.
const lookMs = 10_000;

/** The client certificates of upstreams; what is wrong with their files is logged, and the old ones stay. */
export class FollowedClients implements Disposable {
  readonly #options: FollowedClientsOptions;
  #pairs: ReadonlyMap<string, FollowedPair> = new Map();
  #lookout: Lookout | null = null;

  constructor(options: FollowedClientsOptions) {
    this.#options = options;
  }

  /** Looks at the files of these, now and later, and of no others any more. */
  follow(upstreams: readonly UpstreamConfig[]): void {
    this.#pairs = new Map(
      upstreams.flatMap(({ name, client }) =>
        client ? [[name, new FollowedPair(client)] as const] : [],
      ),
    );
    if (this.#pairs.size === 0) return;
    this.#lookout ??= new Lookout(lookMs, () => this.#look());
    void this.#lookout.look();
  }

  [Symbol.dispose](): void {
    this.#lookout?.[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    for (const [upstream, followed] of this.#pairs) {
      const { problem } = await followed.look();
      if (problem !== null)
        this.#options.log.error(
          { upstream, problem },
          "a client certificate cannot be used, the old one stays",
        );
      else if (followed.pair) this.#options.onPair(upstream, followed.pair);
    }
  }
}
