import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import type { Digest, DigestAlgorithm } from "../../src/oci/digest.ts";
import { type FaultRequest, FaultWire, type Gate } from "./fault-wire.ts";
import { type Fault, type FaultAsk, faults, honest, signedHop } from "./faults.ts";
import { freePort } from "./free-port.ts";
import { partFaults } from "./part-faults.ts";
import { SeededContent } from "./seeded-content.ts";

export interface FaultUpstreamOptions {
  /** How fast bodies go out, each for itself. */
  readonly bytesPerSecond?: number;
  /** The address it listens on; loopback where nothing is said. */
  readonly address?: string;
  /** What it does whatever repositories are called, as one that has been asked so often before. */
  readonly behaves?: { readonly fault: string; readonly attempt: number };
}

interface TaggedManifest {
  readonly mediaType: string;
  readonly bytes: Buffer;
  readonly digest: Digest;
}

/** An answer at one path, whatever a registry would say there. */
export type PathAnswer = (wire: FaultWire, request: FaultRequest) => Promise<void>;

interface Line {
  readonly socket: Socket;
  readonly closed: Promise<void>;
}

// A TLS hello to a plain port: closed at once, or the client waits for an answer that it cannot read.
const tlsHandshake = 0x16;

/**
 * A registry on raw sockets that breaks as it is asked to: the first part of a repository's name says how
 * (`/v2/<fault>/<anything>/blobs/<digest>`, the faults of `faults.ts`), so that nothing has to be switched while a
 * test runs. Its content is made from seeds and known before anyone asks. Every request is written down.
 */
export class FaultUpstream implements AsyncDisposable {
  readonly requests: FaultRequest[] = [];
  readonly #options: FaultUpstreamOptions;
  readonly #contents = new Map<string, SeededContent>();
  readonly #manifests = new Map<string, TaggedManifest>();
  readonly #gates = new Map<SeededContent, readonly Gate[]>();
  /** The same for what is not asked for by a range. */
  readonly #wholeGates = new Map<SeededContent, readonly Gate[]>();
  readonly #answers = new Map<string, PathAnswer>();
  /** Each with the number of its answers that have not ended. */
  readonly #sockets = new Map<Socket, number>();
  readonly #servers: readonly [registry: Server, hop: Server];
  #ports: [registry: number, hop: number] = [0, 0];
  #connections = 0;
  #healed = false;

  private constructor(options: FaultUpstreamOptions) {
    this.#options = options;
    this.#servers = [
      createServer((socket) => this.#serve(socket, false)),
      createServer((socket) => this.#serve(socket, true)),
    ];
  }

  static async start(options: FaultUpstreamOptions = {}): Promise<FaultUpstream> {
    const upstream = new FaultUpstream(options);
    await upstream.up();
    return upstream;
  }

  get url(): string {
    return `http://${this.#address}:${this.#ports[0]}`;
  }

  get #address(): string {
    return this.#options.address ?? "127.0.0.1";
  }

  /** Connections that wait for the rest of an answer. */
  get busy(): number {
    return [...this.#sockets.values()].filter((running) => running > 0).length;
  }

  /** Ends the connections that the mirror keeps for later. */
  closeIdle(): void {
    for (const [socket, running] of this.#sockets) if (running === 0) socket.destroy();
  }

  /** Listens (again, on the same ports). */
  async up(): Promise<void> {
    for (const [at, server] of this.#servers.entries()) {
      // One after the other: a port that is listened on is not given to the next.
      this.#ports[at] ||= await freePort();
      server.listen(this.#ports[at], this.#address);
      await once(server, "listening");
    }
  }

  /** Refuses connections, and breaks those there are. */
  async down(): Promise<void> {
    const closed = this.#servers.map((server) => closing(server));
    for (const socket of this.#sockets.keys()) socket.resetAndDestroy();
    await Promise.all(closed);
  }

  /** Is honest from now on, whatever repositories are called. */
  heal(): void {
    this.#healed = true;
  }

  /** Every repository has this blob from now on. */
  blob(seed: string, sizeBytes: number, algorithm: DigestAlgorithm = "sha256"): SeededContent {
    const content = new SeededContent(seed, sizeBytes);
    this.#contents.set(content.digestBy(algorithm), content);
    return content;
  }

  /** The same for content that is there already. */
  offer(content: SeededContent): void {
    this.#contents.set(content.digest, content);
  }

  /** In every repository `tag` means this manifest, from now on. */
  tag(tag: string, manifest: TaggedManifest): void {
    this.#manifests.set(tag, manifest);
    this.#manifests.set(manifest.digest, manifest);
  }

  /** Answers a path (without query) so until it is healed: for what is no blob. */
  answer(path: string, answer: PathAnswer): void {
    this.#answers.set(path, answer);
  }

  /** Sends the blob only up to `afterBytes` until the function that is returned is called. */
  hold(content: SeededContent, afterBytes: number): () => void {
    return this.holdAt(content, [afterBytes]);
  }

  /** The same for several places, in order: each call lets it go on to the next one. */
  holdAt(content: SeededContent, places: readonly number[]): () => void {
    return holdIn(this.#gates, content, places);
  }

  /** The same, but what is asked for by a range comes. */
  holdWholeAt(content: SeededContent, places: readonly number[]): () => void {
    return holdIn(this.#wholeGates, content, places);
  }

  /** The requests with this method to the registry itself whose target contains `part`. */
  asked(method: string, part: string): FaultRequest[] {
    return this.requests.filter(
      (one) => !one.hop && one.method === method && one.target.includes(part),
    );
  }

  /** Bytes of bodies that went out for a target that contains `part`, wherever from. */
  sentBytes(part: string): number {
    return this.requests
      .filter(({ target }) => target.includes(part))
      .reduce((sum, request) => sum + request.sentBytes, 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.down();
  }

  #serve(socket: Socket, hop: boolean): void {
    const connection = this.#connections++;
    const closed = Promise.withResolvers<void>();
    this.#sockets.set(socket, 0);
    socket.setNoDelay(true);
    socket.on("close", () => {
      this.#sockets.delete(socket);
      closed.resolve();
    });
    // The mirror may end the connection at any time.
    socket.on("error", () => {});
    let text = "";
    let answering = Promise.resolve();
    socket.on("data", (chunk) => {
      if (text === "" && chunk[0] === tlsHandshake) return void socket.destroy();
      text += chunk.toString("latin1");
      for (let end = text.indexOf("\r\n\r\n"); end >= 0; end = text.indexOf("\r\n\r\n")) {
        const request = parseRequest(text.slice(0, end), connection, hop);
        text = text.slice(end + 4);
        this.requests.push(request);
        answering = answering
          .then(() => this.#counted(request, { socket, closed: closed.promise }))
          .catch(() => void socket.destroy());
      }
    });
  }

  async #counted(request: FaultRequest, line: Line): Promise<void> {
    this.#count(line.socket, 1);
    try {
      await this.#answer(request, line);
    } finally {
      this.#count(line.socket, -1);
    }
  }

  #count(socket: Socket, change: number): void {
    const running = this.#sockets.get(socket);
    if (running !== undefined) this.#sockets.set(socket, running + change);
  }

  async #answer(request: FaultRequest, line: Line): Promise<void> {
    const [path = ""] = request.target.split("?", 1);
    const plain = new FaultWire(line, request, { bytesPerSecond: Infinity, gates: [] });
    const given = this.#healed ? undefined : this.#answers.get(path);
    if (given) return await given(plain, request);
    if (path === "/token") return await giveToken(plain);
    const [, repository = "", kind = "", reference = ""] =
      /^\/(?:v2|signed)\/(.+)\/(manifests|blobs)\/([^/]+)$/.exec(path) ?? [];
    if (kind === "manifests") return await sendManifest(plain, this.#manifests.get(reference));
    const content = this.#contents.get(reference);
    if (!content) return await plain.whole("404 Not Found", json, '{"errors":[]}');
    const { bytesPerSecond = Infinity } = this.#options;
    const isWhole = request.headers["range"] === undefined;
    const gates = [
      ...(this.#gates.get(content) ?? []),
      ...(isWhole ? (this.#wholeGates.get(content) ?? []) : []),
    ];
    const wire = new FaultWire(line, request, { bytesPerSecond, gates });
    await this.#behaviour(repository, request)(this.#askOf(request, repository, content), wire);
  }

  #behaviour(repository: string, { hop }: FaultRequest): Fault {
    const { fault: name = repository.split("/", 1)[0] ?? "" } = this.#options.behaves ?? {};
    if (this.#healed) return honest;
    const fault = faults[name] ?? partFaults[name];
    if (!fault) throw new Error(`no fault is called ${name}`);
    return hop ? signedHop : fault;
  }

  #askOf(request: FaultRequest, repository: string, content: SeededContent): FaultAsk {
    const path = `/${repository}/blobs/`;
    const same = this.requests.filter(
      (one) =>
        one.hop === request.hop &&
        one.method === request.method &&
        one.target.includes(path) &&
        this.#contents.get(one.target.split("?", 1)[0]?.split("/").at(-1) ?? "") === content,
    );
    return {
      request,
      content,
      attempt: same.indexOf(request) + (this.#options.behaves?.attempt ?? 0),
      targetUsed: same
        .slice(0, same.indexOf(request))
        .some(({ target }) => target === request.target),
      registryUrl: this.url,
      hopUrl: `http://${this.#address}:${this.#ports[1]}`,
    };
  }
}

function holdIn(
  held: Map<SeededContent, readonly Gate[]>,
  content: SeededContent,
  places: readonly number[],
): () => void {
  const gates = places.map((afterBytes) => ({ afterBytes, ...Promise.withResolvers<void>() }));
  held.set(
    content,
    gates.map(({ afterBytes, promise }) => ({ afterBytes, opened: promise })),
  );
  return () => gates.shift()?.resolve();
}

const json = { "content-type": "application/json" };

async function giveToken(wire: FaultWire): Promise<void> {
  await wire.whole("200 OK", json, JSON.stringify({ token: "CANARYT1", expires_in: 300 }));
}

async function sendManifest(wire: FaultWire, manifest: TaggedManifest | undefined): Promise<void> {
  if (!manifest) return await wire.whole("404 Not Found", json, '{"errors":[]}');
  const { mediaType, digest, bytes } = manifest;
  await wire.whole(
    "200 OK",
    {
      "content-type": mediaType,
      "content-length": bytes.length,
      "docker-content-digest": digest,
    },
    bytes,
  );
}

function parseRequest(text: string, connection: number, hop: boolean): FaultRequest {
  const [requestLine = "", ...lines] = text.split("\r\n");
  const [method = "", target = ""] = requestLine.split(" ");
  const headers = Object.fromEntries(
    lines.map((line) => [
      line.slice(0, line.indexOf(":")).toLowerCase(),
      line.slice(line.indexOf(":") + 1).trim(),
    ]),
  );
  const atMs = performance.now();
  return { atMs, method, target, headers, connection, hop, statusLine: null, sentBytes: 0 };
}

function closing(server: Server): Promise<void> {
  const { promise, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  return promise;
}
