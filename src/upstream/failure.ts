import { Limited } from "./accounts/accounts.ts";
import { NoCredentials } from "./credentials/credentials.ts";
import { repeatsCredentials } from "./echo.ts";
import { BodyDeadlineExceeded, type CollectLimits } from "./exchange/answer-body.ts";
import { AnswerOverdue } from "./exchange/answer-within.ts";
import type { Answer } from "./exchange/exchange.ts";
import { ForbiddenHop } from "./exchange/hop-guard.ts";
import { HopFailed } from "./exchange/redirects.ts";
import { isAboutTls, TlsFailed, tlsTroubleOf } from "./tls-trouble.ts";
import { NoToken, TokenRefused } from "./tokens/token-server.ts";
import { relayedReason } from "./told-cache-status.ts";
import type { UpstreamFailure } from "./upstream-error.ts";

/** Whether the failure came before the answer's header or within its body. */
export type Stage = "header" | "body";

/** What went wrong, in our words, from what undici, the socket or the layers below threw. */
export function failureFrom(error: unknown, stage: Stage): UpstreamFailure {
  if (error instanceof HopFailed) return failureFrom(error.cause, stage);
  if (error instanceof TlsFailed) return { kind: "unreachable", reason: tlsReasonOf(error) };
  if (error instanceof ForbiddenHop) return { kind: "forbidden-hop", reason: error.message };
  if (error instanceof NoCredentials) return { kind: "credentials", reason: error.message };
  if (error instanceof NoToken) return { kind: "nonsense", reason: error.message };
  if (error instanceof AnswerOverdue) return { kind: "timeout", phase: "headers" };
  if (error instanceof BodyDeadlineExceeded) return { kind: "timeout", phase: "body" };
  if (error instanceof TokenRefused) return tokenFailure(error);
  if (error instanceof Limited) return error.failure;
  const code = codeOf(error);
  const phase = timeoutPhases.get(code);
  if (phase) return { kind: "timeout", phase };
  const reason = reasonOf(error, code);
  if (ownLimits.has(code)) return { kind: "exhausted", reason };
  return stage === "body" ? { kind: "cut", reason } : { kind: "unreachable", reason };
}

function tlsReasonOf(failed: TlsFailed): string {
  const about = { host: failed.host, keys: "the upstream's " };
  const trouble = tlsTroubleOf(codeOf(failed), about);
  return trouble ? `${trouble.found}; ${trouble.remedy}` : failed.message;
}

const wordsLimits: CollectLimits = { limitBytes: 64 * 1024, deadlineMs: 2_000 };

const withheld = "(its words are not shown: they repeat our credentials)";

// Upstream's own words go to clients and logs; a sentence is enough.
const wordsLimitChars = 300;

/** What an answer means that is neither content nor "not found"; takes its body for upstream's own words. */
export async function refusalFrom(answer: Answer): Promise<UpstreamFailure> {
  const { status, redirected, authorization, headers, body } = answer;
  // The status alone says enough if its words don't come.
  const text = await body.collect(wordsLimits).catch(() => null);
  const words = text === null ? "" : wordsIn(text.toString("utf8"), authorization);
  // Storage that a registry redirects to knows no repositories: its refusals are trouble, such as a URL that expired.
  const relayed = relayedWords(answer);
  if (!redirected && (status === 401 || status === 403)) {
    if (relayed === null) return { kind: "refused", status, words, mirror: null };
    return { kind: "refused", status, words: relayed, mirror: answer.url.host };
  }
  const retryAfter = retryAfterIn(headers["retry-after"]);
  if (relayed === null)
    return { kind: "status", status, words: words || hintFor(answer), retryAfter };
  return { kind: "relayed", mirror: answer.url.host, status, words: relayed, retryAfter };
}

/** What a web server says that speaks TLS at a port that was asked without; the answer to a `HEAD` has no words. */
function hintFor({ status, url }: Answer): string {
  const isPlain = status === 400 && url.protocol === "http:";
  return isPlain ? "if it is meant to speak TLS, write https:// in the upstream's endpoints" : "";
}

/** The cause that a mirror before us names: in a header, for the answer to a `HEAD` has no body. */
function relayedWords(answer: Answer): string | null {
  const reason = relayedReason(answer);
  return reason && presentable(reason, answer.authorization);
}

// RFC 9110, section 10.2.3: seconds, some centuries of them at most, or a date. Clients get it, and some of them trust it.
const delay = /^\d{1,10}$/;
const date = /^(?:Mon|Tue|Wed|Thu|Fri|Sat|Sun), \d\d [A-Z][a-z]{2} \d{4} \d\d:\d\d:\d\d GMT$/;

function retryAfterIn(header: string | null | undefined): string | null {
  return header && (delay.test(header) || date.test(header)) ? header : null;
}

/** The message of the spec's error JSON, or the text itself. */
function wordsIn(text: string, authorization: string | null): string {
  const words = messageIn(text) ?? (text.trimStart().startsWith("<") ? "" : text);
  return presentable(words, authorization);
}

/** On one line, and without what we sent. */
function presentable(words: string, authorization: string | null): string {
  if (authorization !== null && repeatsCredentials(words, authorization)) return withheld;
  // Control characters must not reach a log or a terminal.
  return words
    .replace(/[\s\p{Cc}]+/gu, " ")
    .trim()
    .slice(0, wordsLimitChars);
}

function messageIn(text: string): string | null {
  try {
    const { code, message } = JSON.parse(text).errors[0];
    return [code, message].filter((part) => typeof part === "string").join(": ");
  } catch {
    // Not the spec's JSON, whatever it is.
    return null;
  }
}

/** Whether the connection broke before an answer: what happens when the other side closes a kept socket just then. */
export function isBrokenSocket(error: unknown): boolean {
  return ["ECONNRESET", "EPIPE", "UND_ERR_SOCKET"].includes(codeOf(error));
}

const timeoutPhases = new Map<string, "connect" | "headers" | "body">([
  ["UND_ERR_CONNECT_TIMEOUT", "connect"],
  ["ETIMEDOUT", "connect"],
  ["UND_ERR_HEADERS_TIMEOUT", "headers"],
  ["UND_ERR_BODY_TIMEOUT", "body"],
]);

// Of this process, and of the whole machine: they say nothing of the upstream.
const ownLimits: ReadonlySet<string> = new Set(["EMFILE", "ENFILE"]);

function tokenFailure({ status, message, retryAfter }: TokenRefused): UpstreamFailure {
  if (status === 401 || status === 403) {
    return { kind: "refused", status, words: message, mirror: null };
  }
  return { kind: "status", status, words: message, retryAfter: retryAfterIn(retryAfter) };
}

/** What Node and undici say of a failure beside its message, as far as they do. */
export interface NetworkError {
  /** Such as `ENOTFOUND`; "" for none. */
  readonly code: string;
  /** The name that was looked up. */
  readonly hostname?: string | undefined;
  /** Where a connection was wanted to. */
  readonly address?: string | undefined;
  readonly port?: number | undefined;
}

/** The first failure: when a name has several addresses Node throws one AggregateError with an error for each. */
export function networkErrorIn(error: unknown): NetworkError {
  if (error instanceof HopFailed || error instanceof TlsFailed) return networkErrorIn(error.cause);
  const first: unknown = error instanceof AggregateError ? error.errors[0] : error;
  if (!(first instanceof Error)) return { code: "" };
  const { code, hostname, address, port }: Error & Partial<NetworkError> = first;
  return { code: typeof code === "string" ? code : "", hostname, address, port };
}

const lookUpReasons: ReadonlyMap<string, string> = new Map([
  ["ENOTFOUND", "there is no address of the name"],
  ["EAI_AGAIN", "no name server answers for"],
]);

function codeOf(error: unknown): string {
  return networkErrorIn(error).code;
}

function reasonOf(error: unknown, code: string): string {
  // In the middle of an answer; OpenSSL's words are for who reads its source.
  if (isAboutTls(code)) return `its TLS broke (${code})`;
  const lookUp = lookUpReasons.get(code);
  const { hostname } = networkErrorIn(error);
  if (lookUp && hostname) return `${lookUp} ${hostname} (${code})`;
  const message = error instanceof Error ? error.message : String(error);
  if (message === "") return code;
  return code === "" || message.includes(code) ? message : `${message} (${code})`;
}
