/** The error codes of the distribution spec (and `UNAVAILABLE`, which distribution added for 5xx). */
export type ErrorCode = keyof typeof statusOf;

const statusOf = {
  BLOB_UNKNOWN: 404,
  DENIED: 403,
  DIGEST_INVALID: 400,
  MANIFEST_INVALID: 400,
  MANIFEST_UNKNOWN: 404,
  NAME_INVALID: 400,
  NAME_UNKNOWN: 404,
  RANGE_INVALID: 416,
  TOOMANYREQUESTS: 429,
  UNAUTHORIZED: 401,
  UNAVAILABLE: 503,
  UNKNOWN: 500,
  UNSUPPORTED: 405,
} as const;

export interface DistributionErrorOptions {
  /** The status, where the code's own does not say enough (`UNAVAILABLE` as 502 or 504). */
  readonly status?: number;
  readonly headers?: Readonly<Record<string, string>>;
  readonly detail?: unknown;
  readonly cause?: unknown;
}

/**
 * An error the client should see, in the spec's words and JSON. It has no stack: where it was thrown says nothing that it does
 * not, and to gather that, through all that was awaited, took a third of the CPU time of a refusal.
 */
export class DistributionError extends Error {
  readonly code: ErrorCode;
  readonly status: number;
  readonly headers: Readonly<Record<string, string>>;
  readonly detail: unknown;

  constructor(code: ErrorCode, message: string, options: DistributionErrorOptions = {}) {
    const { stackTraceLimit } = Error;
    Error.stackTraceLimit = 0;
    super(message, { cause: options.cause });
    Error.stackTraceLimit = stackTraceLimit;
    this.name = "DistributionError";
    this.code = code;
    this.status = options.status ?? statusOf[code];
    this.headers = options.headers ?? {};
    this.detail = options.detail ?? null;
  }

  /** The body of the answer: distribution spec 1.1, "Error Codes". */
  toBody(): string {
    const { code, message, detail } = this;
    return `${JSON.stringify({ errors: [{ code, message, detail }] })}\n`;
  }
}
