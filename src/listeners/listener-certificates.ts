import { constants } from "node:crypto";
import { createServer } from "node:http";
import { createSecureContext, type SecureContext, type SecureContextOptions } from "node:tls";
import type { CertificateFiles } from "../config/config.ts";
import { type CertificatePair, endingSoonMs } from "../config/files/certificate-pair.ts";
import { Lookout } from "../config/files/followed-files.ts";
import { formatDuration } from "../config/units.ts";
import type { Log } from "../telemetry/log.ts";
import type { Metrics } from "../telemetry/metrics.ts";
import type { CreateServer } from "./create-server.ts";
import { FollowedCa } from "./followed-ca.ts";
import { FollowedPair, type Look } from "./followed-pair.ts";
import { ListenError } from "./listen.ts";
import { NamesServed } from "./names-served.ts";
import { TlsServer } from "./tls-server.ts";

export interface ListenerCertificatesOptions {
  /** The listener's part of the configuration: `server` or `admin`. */
  readonly listener: string;
  /** None: plain HTTP. */
  readonly files: readonly CertificateFiles[];
  /** Whether clients may choose HTTP/2. */
  readonly http2: boolean;
  /** A file with the authorities of client certificates; null: clients are not asked for one. */
  readonly clientCaFile: string | null;
  readonly log: Log;
  readonly metrics: Metrics;
  readonly now: () => number;
}

// Programs that renew do so weeks before; who tests a renewal by hand waits for as long as for a page.
const lookMs = 10_000;

const warnEveryMs = 24 * 3_600_000;

// One for each connection: who a client is must not change under way, and Node looks only once whether a certificate is
// believed. A second one is also the cheapest way to have us compute. TLS 1.3 has none.
const handshakes = {
  minVersion: "TLSv1.2",
  secureOptions: constants.SSL_OP_NO_RENEGOTIATION,
} as const;

/** The certificates of a listener; they are read again when their files change, and connections that there are go on. */
export class ListenerCertificates implements Disposable {
  readonly #options: ListenerCertificatesOptions;
  #followed: readonly FollowedPair[];
  #clientCa: FollowedCa | null;
  #wanted: string;
  readonly #servers: TlsServer[] = [];
  readonly #lookout: Lookout | null;
  #contexts: Contexts | null = null;
  /** How many of those that the configuration names now cannot be used, where others were kept for that. */
  #refused = 0;
  #warnedMs = Number.NEGATIVE_INFINITY;

  private constructor(options: ListenerCertificatesOptions) {
    this.#options = options;
    this.#followed = options.files.map((files) => new FollowedPair(files));
    this.#clientCa = options.clientCaFile === null ? null : new FollowedCa(options.clientCaFile);
    this.#wanted = namesOf(options);
    this.#lookout = options.files.length > 0 ? new Lookout(lookMs, () => this.#look()) : null;
  }

  /** Rejects with ListenError if one of them cannot be served with. */
  static async open(options: ListenerCertificatesOptions): Promise<ListenerCertificates> {
    using stack = new DisposableStack();
    const certificates = stack.use(new ListenerCertificates(options));
    for (const followed of certificates.#allFollowed) {
      const { problem } = await followed.look();
      if (problem !== null) throw new ListenError(problem);
    }
    certificates.#take();
    certificates.#measure();
    stack.move();
    return certificates;
  }

  /** As `createServer` of `node:http`; the server speaks TLS if there are certificates. */
  readonly createServer: CreateServer = (options, listener) => {
    if (this.#followed.length === 0) return createServer(options, listener);
    const { http2, clientCaFile } = this.#options;
    const contextFor = (name: string) => this.#contexts?.names.for(name) ?? null;
    const server = new TlsServer(
      { ...options, contextFor, http2, asksForCertificates: clientCaFile !== null },
      listener,
    );
    this.#servers.push(server);
    this.#set(server);
    return server;
  };

  /** Whether one of them is for this DNS name. */
  areFor(name: string): boolean {
    return (this.#contexts?.names.for(name) ?? null) !== null;
  }

  /**
   * Looks at the files of another configuration, whatever their times say, and follows them from now on; never rejects.
   * Where one cannot be used, those of before stay. Only a listener that speaks TLS can have others.
   */
  async configure(options: NamedFiles): Promise<void> {
    const names = namesOf(options);
    const isOther = names !== this.#wanted;
    this.#wanted = names;
    if (isOther && this.#followed.length > 0) await this.#follow(options);
    else await this.#lookAgain();
  }

  [Symbol.dispose](): void {
    this.#lookout?.[Symbol.dispose]();
  }

  async #follow({ files, clientCaFile }: NamedFiles): Promise<void> {
    const names = this.#wanted;
    const pairs = files.map((own) => new FollowedPair(own));
    const clientCa = clientCaFile === null ? null : new FollowedCa(clientCaFile);
    const looks = [...pairs, ...(clientCa ? [clientCa] : [])].map((followed) => followed.look());
    const problems = this.#tellProblems(await Promise.all(looks));
    // Another configuration may have come meanwhile.
    if (names !== this.#wanted) return;
    this.#refused = problems;
    this.#measure();
    if (problems > 0) {
      // The same one is tried again the next time.
      this.#wanted = "";
      return;
    }
    this.#followed = pairs;
    this.#clientCa = clientCa;
    this.#take();
    this.#options.log.info({ listener: this.#options.listener }, "certificates were read again");
  }

  async #lookAgain(): Promise<void> {
    for (const followed of this.#allFollowed) followed.forget();
    await this.#lookout?.look();
  }

  /** How many there were. */
  #tellProblems(looks: readonly Look[]): number {
    const { listener, log } = this.#options;
    const problems = looks.flatMap(({ problem }) => problem ?? []);
    for (const problem of problems)
      log.error({ listener, problem }, "a certificate cannot be used, the old one stays");
    return problems.length;
  }

  /** Never rejects: what is wrong with the files is logged, and the old ones stay. */
  async #look(): Promise<void> {
    const { listener, log } = this.#options;
    const looks = await Promise.all(this.#allFollowed.map((followed) => followed.look()));
    this.#tellProblems(looks);
    this.#measure();
    if (looks.some(({ changed }) => changed)) {
      this.#take();
      log.info({ listener }, "certificates were read again");
    }
    this.#warnOfExpiry();
  }

  #measure(): void {
    const { listener, metrics } = this.#options;
    const broken = this.#allFollowed.filter(({ isBroken }) => isBroken);
    metrics.certificatesUnusable.set({ listener }, broken.length + this.#refused);
  }

  get #allFollowed(): readonly (FollowedPair | FollowedCa)[] {
    return this.#clientCa ? [...this.#followed, this.#clientCa] : this.#followed;
  }

  /** Makes what is followed what is served with. */
  #take(): void {
    const { listener, metrics } = this.#options;
    const pairs = this.#followed.flatMap(({ pair }) => pair ?? []);
    const [first] = pairs;
    if (first === undefined) return;
    const served = pairs.map((pair) => ({
      names: pair.names,
      value: createSecureContext(this.#secretsOf(pair)),
    }));
    for (const { title } of this.#contexts?.pairs ?? [])
      metrics.certificateExpiry.remove({ listener, name: title });
    this.#contexts = { pairs, first, names: new NamesServed(served) };
    // Of two of the same name the one that ends first counts.
    for (const { title, untilMs } of pairs.toSorted((one, other) => other.untilMs - one.untilMs))
      metrics.certificateExpiry.set({ listener, name: title }, untilMs / 1000);
    for (const server of this.#servers) this.#set(server);
    this.#warnedMs = Number.NEGATIVE_INFINITY;
    this.#warnOfExpiry();
  }

  #set(server: TlsServer): void {
    if (this.#contexts) server.setSecureContext(this.#secretsOf(this.#contexts.first));
  }

  #secretsOf({ certificatePem, keyPem }: CertificatePair): SecureContextOptions {
    const ca = this.#clientCa?.pem ?? null;
    const believed = ca === null ? {} : { ca };
    return { cert: certificatePem, key: keyPem, ...handshakes, ...believed };
  }

  #warnOfExpiry(): void {
    const { listener, log, now } = this.#options;
    if (now() - this.#warnedMs < warnEveryMs) return;
    const ending =
      this.#contexts?.pairs.filter(({ untilMs }) => untilMs - now() < endingSoonMs) ?? [];
    for (const { title, untilMs } of ending) {
      const left = formatDuration(Math.max(0, untilMs - now()));
      log.warn(
        { listener, name: title, until: new Date(untilMs).toISOString(), left },
        "a certificate ends soon: renew it, sluice reads its files again by itself",
      );
      this.#warnedMs = now();
    }
  }
}

type NamedFiles = Pick<ListenerCertificatesOptions, "files" | "clientCaFile">;

function namesOf({ files, clientCaFile }: NamedFiles): string {
  return JSON.stringify([files, clientCaFile]);
}

interface Contexts {
  readonly pairs: readonly CertificatePair[];
  readonly first: CertificatePair;
  readonly names: NamesServed<SecureContext>;
}
