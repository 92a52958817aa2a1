import type { ManifestPull } from "../mirror/manifests.ts";
import type { Mirror } from "../mirror/mirror.ts";
import type { Accept } from "../oci/accept.ts";
import { isImageManifest, type Manifest } from "../oci/manifest.ts";
import type { Reference } from "../oci/reference.ts";
import type { Target } from "../upstream/upstreams.ts";
import { cacheStatus } from "./cache-status.ts";
import type { Exchange } from "./exchange.ts";
import { ageOfTag, contentHeaders, isNotModified } from "./pull-headers.ts";
import { type Served, servedNothing } from "./served.ts";

export interface AskedManifest {
  readonly target: Target;
  readonly reference: Reference;
  readonly accept: Accept;
}

/** What is the same in all answers with one manifest. */
interface Prepared {
  /** Headers, names and values in turn. */
  readonly head: readonly string[];
  /** Those of an answer with the content, or about it. */
  readonly contentHead: readonly string[];
  readonly body: string | Buffer;
  readonly isImage: boolean;
}

// Node writes a string together with the header, in half the time of two writes. It is a copy of what is in memory already.
const textLimitBytes = 64 * 1024;

/** `GET` and `HEAD` of manifests: distribution spec 1.1, "Pulling manifests". */
export class ManifestAnswers {
  readonly #mirror: Mirror;
  /** Goes when the manifest does. */
  readonly #prepared = new WeakMap<Manifest, Prepared>();

  constructor(mirror: Mirror) {
    this.#mirror = mirror;
  }

  /** Answers if all for it is in memory; else null, and nothing was done. Throws as the pull does. */
  atOnce(exchange: Exchange, { target, reference, accept }: AskedManifest): Served | null {
    const pull = isHead(exchange)
      ? this.#mirror.describeManifestAtOnce(target, reference, accept)
      : this.#mirror.pullManifestAtOnce(target, reference, accept);
    return pull && this.#send(exchange, reference, pull);
  }

  async later(exchange: Exchange, { target, reference, accept }: AskedManifest): Promise<Served> {
    const pull = isHead(exchange)
      ? await this.#mirror.describeManifest(target, reference, accept)
      : await this.#mirror.pullManifest(target, reference, accept);
    return this.#send(exchange, reference, pull);
  }

  #send(exchange: Exchange, reference: Reference, { outcome, manifest }: ManifestPull): Served {
    const { request, response } = exchange;
    const prepared = this.#prepare(manifest);
    const head = [...exchange.head, ...prepared.head, "cache-status", cacheStatus(outcome)];
    if (reference.kind === "tag") head.push("age", ageOfTag(outcome));
    if (isNotModified(request, manifest.digest)) {
      response.writeHead(304, head).end();
      return servedNothing(outcome);
    }
    head.push(...prepared.contentHead);
    response.writeHead(200, head);
    if (isHead(exchange)) {
      response.end();
      return servedNothing(outcome);
    }
    response.end(prepared.body, "latin1");
    return { outcome, sentBytes: manifest.bytes.length, left: null, isPull: prepared.isImage };
  }

  #prepare(manifest: Manifest): Prepared {
    const known = this.#prepared.get(manifest);
    if (known) return known;
    const { digest, mediaType, bytes } = manifest;
    const prepared: Prepared = {
      head: Object.entries(contentHeaders(digest)).flat(),
      contentHead: ["content-type", mediaType, "content-length", String(bytes.length)],
      // Each byte a letter, whatever the bytes mean.
      body: bytes.length <= textLimitBytes ? bytes.toString("latin1") : bytes,
      isImage: isImageManifest(mediaType),
    };
    this.#prepared.set(manifest, prepared);
    return prepared;
  }
}

function isHead({ request }: Exchange): boolean {
  return request.method === "HEAD";
}
