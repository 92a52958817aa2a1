/** Why an upstream gave nothing. "Not found" is not among them: that is an answer. */
export type UpstreamFailure =
  /** No connection, or it broke before an answer: DNS, TCP, TLS, the proxy. */
  | { readonly kind: "unreachable"; readonly reason: string }
  /** It was not asked: the mirror itself has nothing left to connect with, such as descriptors. */
  | { readonly kind: "exhausted"; readonly reason: string }
  | { readonly kind: "timeout"; readonly phase: "connect" | "headers" | "body" }
  /** The connection ended within the body. */
  | { readonly kind: "cut"; readonly reason: string }
  /** 401 or 403, after a fresh token or password. */
  | {
      readonly kind: "refused";
      readonly status: number;
      /** Upstream's own; or a whole sentence of the mirror before us, where there is one. */
      readonly words: string;
      /** Its host; null where upstream itself has refused. */
      readonly mirror: string | null;
    }
  /** Any other status that is no answer: 429, 5xx, surprises. */
  | {
      readonly kind: "status";
      readonly status: number;
      readonly words: string;
      readonly retryAfter: string | null;
    }
  /** A mirror before us met trouble with the registry; it has tried again what may be. */
  | {
      readonly kind: "relayed";
      /** Its host. */
      readonly mirror: string;
      readonly status: number;
      /** Its sentence of that trouble, which names the upstream. */
      readonly words: string;
      readonly retryAfter: string | null;
    }
  /** A redirect or token server we do not follow; `reason` names the key that would allow it. */
  | { readonly kind: "forbidden-hop"; readonly reason: string }
  /** Credentials are configured and cannot be had; `reason` names the file or program. */
  | { readonly kind: "credentials"; readonly reason: string }
  /** It was not asked: it gave no answer a moment ago (`reason`), and nobody has found that it does again. */
  | { readonly kind: "down"; readonly reason: string; readonly retryAfter: string }
  /** It was not asked: it is asked, or waited for, by as many as may be (`reason`). */
  | { readonly kind: "busy"; readonly reason: string; readonly retryAfter: string }
  /** It was not asked: too many of the logins that came from the caller's address were wrong. */
  | { readonly kind: "guessed"; readonly retryAfter: string }
  /** It was not asked: the configuration says so. */
  | { readonly kind: "offline" }
  | { readonly kind: "too-large"; readonly limitBytes: number }
  /** An answer that contradicts the spec or itself. */
  | { readonly kind: "nonsense"; readonly reason: string };

export class UpstreamError extends Error {
  /** The upstream's name, a key of the configuration. */
  readonly upstream: string;
  readonly failure: UpstreamFailure;

  constructor(upstream: string, failure: UpstreamFailure, options?: { cause?: unknown }) {
    super(sentenceOf(upstream, failure), options);
    this.name = "UpstreamError";
    this.upstream = upstream;
    this.failure = failure;
  }
}

/** A cause has its sentence already where a mirror tells of it: it is said once, however many mirrors pass it on. */
function sentenceOf(upstream: string, failure: UpstreamFailure): string {
  const cause = causeToldBy(failure);
  if (cause === null) return `${upstream} ${describeFailure(failure)}`;
  return `${cause.words} (told by the mirror at ${cause.mirror})`;
}

/** The sentence of a mirror before us, where it is one that knows the cause; null otherwise. */
export function causeToldBy(
  failure: UpstreamFailure,
): { readonly mirror: string; readonly words: string } | null {
  const { kind } = failure;
  if (kind === "relayed") return failure;
  if (kind !== "refused" || failure.mirror === null) return null;
  return { mirror: failure.mirror, words: failure.words };
}

/** Why an upstream is never asked, as the end of a sentence. */
export const offlineReason = "is offline in the configuration";

/** A sentence's end that follows the upstream's name. */
export function describeFailure(failure: UpstreamFailure): string {
  switch (failure.kind) {
    case "unreachable":
      return `cannot be reached: ${failure.reason}`;
    case "exhausted":
      return `cannot be asked now, for the mirror has too many files open: ${failure.reason}`;
    case "timeout":
      return `did not answer in time (${phases[failure.phase]})`;
    case "cut":
      return `broke off its answer: ${failure.reason}`;
    case "refused":
      return `refused with status ${failure.status}${inWords(failure.words)}`;
    case "status":
      return `answered with status ${failure.status}${inWords(failure.words)}`;
    case "relayed":
      return `has trouble, says the mirror at ${failure.mirror}: ${failure.words}`;
    case "forbidden-hop":
      return `pointed to a place that is not followed: ${failure.reason}`;
    case "credentials":
      return `was not asked, for want of its credentials: ${failure.reason}`;
    case "down":
      return `is left alone for ${failure.retryAfter} s more, for it ${failure.reason}`;
    case "busy":
      return `is not asked now: ${failure.reason}`;
    case "guessed":
      return "is not asked now: too many logins from this address were wrong";
    case "offline":
      return `is not asked, for it ${offlineReason}`;
    case "too-large":
      return `sent more than the ${failure.limitBytes} bytes such an answer may have`;
    case "nonsense":
      return `sent an answer that makes no sense: ${failure.reason}`;
  }
}

const phases = {
  connect: "no connection",
  headers: "no response header",
  body: "the body stopped",
} as const;

function inWords(words: string): string {
  return words === "" ? "" : `: ${words}`;
}
