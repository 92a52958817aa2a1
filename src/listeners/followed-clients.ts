import type { UpstreamConfig } from "../config/config.ts";
import type { CertificatePair } from "../config/files/certificate-pair.ts";
import { Lookout } from "../config/files/followed-files.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import { FollowedPair } from "./followed-pair.ts";

export interface FollowedClientsOptions {
  readonly log: Log;
  readonly metrics: Metrics;
  /** Called with an upstream's name and what is in the files of its client certificate now. */
  readonly onPair: (upstream: string, pair: CertificatePair) => void;
}

// As for the certificates of listeners.
const lookMs = 10_000;

/** The client certificates of upstreams; what is wrong with their files is logged, and the old ones stay. */
export class FollowedClients implements Disposable {
  readonly #options: FollowedClientsOptions;
  #followed: readonly Followed[] = [];
  #lookout: Lookout | null = null;

  constructor(options: FollowedClientsOptions) {
    this.#options = options;
  }

  /** Looks at the files of these, now and later, and of no others any more. */
  follow(upstreams: readonly UpstreamConfig[]): void {
    const { metrics } = this.#options;
    for (const { upstream } of this.#followed) metrics.certificatesUnusable.remove({ upstream });
    this.#followed = upstreams
      .filter(({ caPem, client }) => caPem !== null || client !== null)
      .map(({ name, client, caIsKept }) => {
        return { upstream: name, client: client && new FollowedPair(client), caIsKept };
      });
    this.#measure();
    if (this.#followed.every(({ client }) => client === null)) return;
    this.#lookout ??= new Lookout(lookMs, () => this.#look());
    void this.#lookout.look();
  }

  [Symbol.dispose](): void {
    this.#lookout?.[Symbol.dispose]();
  }

  async #look(): Promise<void> {
    for (const { upstream, client } of this.#followed) {
      if (client === null) continue;
      const { problem } = await client.look();
      if (problem !== null)
        this.#options.log.error(
          { upstream, problem },
          "a client certificate cannot be used, the old one stays",
        );
      else if (client.pair) this.#options.onPair(upstream, client.pair);
    }
    this.#measure();
  }

  #measure(): void {
    const { metrics } = this.#options;
    for (const { upstream, client, caIsKept } of this.#followed) {
      const unusable = [caIsKept, client?.isBroken].filter((one) => one === true).length;
      metrics.certificatesUnusable.set({ upstream }, unusable);
    }
  }
}

interface Followed {
  readonly upstream: string;
  readonly client: FollowedPair | null;
  readonly caIsKept: boolean;
}
