import { presentWaits } from "../../telemetry/waits.ts";
import { isAboutTls, TlsFailed } from "../tls-trouble.ts";
import { AnswerBody, type AnswerHeaders } from "./answer-body.ts";
import type { Way } from "./connections.ts";

export interface ExchangeRequest {
  readonly url: URL;
  readonly method: "GET" | "HEAD" | "POST";
  readonly headers: Readonly<Record<string, string>>;
  readonly body?: string;
  /** Aborting it ends the request, and the answer if it has begun. */
  readonly signal?: AbortSignal | undefined;
}

/** The response header, with a body that waits to be taken. Every answer's body must be taken or dropped. */
export interface Answer {
  readonly url: URL;
  /** Whether it came from a place that the one asked redirected to. */
  readonly redirected: boolean;
  /** The `Authorization` header of the request that it answers. */
  readonly authorization: string | null;
  readonly status: number;
  readonly headers: AnswerHeaders;
  readonly body: AnswerBody;
}

/**
 * One request and its one answer over undici's `dispatch`: no redirect, retry, cache or decoder comes
 * between. Rejects with TlsFailed, or else undici's or the socket's error, when no response header comes.
 */
export function exchange(way: Way, request: ExchangeRequest): Promise<Answer> {
  const { url, method, headers, body: content = null, signal } = request;
  const authorization = headers["authorization"] ?? null;
  // Undici calls back from wherever its socket does.
  const waits = presentWaits();
  return new Promise<Answer>((resolve, reject) => {
    let endWait = waits?.begin("connect");
    const body = new AnswerBody(
      {
        onStart: () => {
          endWait?.();
          endWait = waits?.begin("answer");
        },
        onHeader: (status, answerHeaders) => {
          endWait?.();
          resolve({ url, redirected: false, authorization, status, headers: answerHeaders, body });
        },
        onFailure: (error) => {
          endWait?.();
          reject(isAboutTls(codeOf(error)) ? new TlsFailed(url.host, error) : error);
        },
      },
      way.receiveBuffers,
      signal,
    );
    way.dispatcher.dispatch(
      {
        origin: url.origin,
        path: `${url.pathname}${url.search}`,
        method,
        headers: { ...headers },
        body: content,
        headersTimeout: way.headersMs,
        bodyTimeout: way.bodyIdleMs,
        ...(way.oneShot ? { reset: true } : {}),
      },
      body,
    );
  });
}

function codeOf(error: NodeJS.ErrnoException): string {
  return typeof error.code === "string" ? error.code : "";
}
