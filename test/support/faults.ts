import type { FaultRequest, FaultWire, HeaderLines } from "./fault-wire.ts";
import type { Change, SeededContent } from "./seeded-content.ts";

/** One request for a blob, and what may be said about it. */
export interface FaultAsk {
  readonly request: FaultRequest;
  readonly content: SeededContent;
  /** How often the same was asked before, with whatever range. */
  readonly attempt: number;
  /** Whether this very target, query included, was asked for before. */
  readonly targetUsed: boolean;
  readonly registryUrl: string;
  readonly hopUrl: string;
}

export type Fault = (ask: FaultAsk, wire: FaultWire) => Promise<void>;

/** What a registry should do. */
export const honest: Fault = async (ask, wire) => await sendPart(ask, wire, ask.content);

/** Storage behind a redirect: each of its signed URLs is good for one use. */
export const signedHop: Fault = async (ask, wire) => {
  const [, , name = ""] = ask.request.target.split("/");
  const forbidden =
    "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>";
  if (name === "hop-lasts") return await honest(ask, wire);
  if (name === "hop-expires") {
    if (ask.attempt !== 4) return await honest(ask, wire);
    return await wire.whole("403 Forbidden", {}, forbidden);
  }
  if (ask.targetUsed) return await wire.whole("403 Forbidden", {}, forbidden);
  if (name === "hop-good") return await honest(ask, wire);
  if (name === "redirected-to-trouble-at-first") return await until(3, unavailable)(ask, wire);
  if (ask.attempt === 0) return await cutAt(0.3)(ask, wire);
  if (name === "hop-refuses-once" && ask.attempt === 1)
    return await wire.whole("403 Forbidden", {}, forbidden);
  await honest(ask, wire);
};

/** Every fault by the name that repositories ask for it with. */
export const faults: Readonly<Record<string, Fault>> = {
  good: honest,
  chunked: chunked((content) => content),

  // Wrong bytes, right length.
  "flip-first": flipped(() => 0),
  "flip-middle": flipped((sizeBytes) => sizeBytes >> 1),
  "flip-last": flipped((sizeBytes) => sizeBytes - 1),
  "flip-first-chunked": chunked((content) => content.changed(oneByte(0))),
  "flip-last-chunked": chunked((content) => content.changed(oneByte(content.sizeBytes - 1))),

  // Bodies that end too early, whatever the length said.
  "fin-at-0": cutAtBytes(() => 0),
  "fin-after-1": cutAtBytes(() => 1),
  "fin-at-half": cutAtBytes((sizeBytes) => sizeBytes >> 1),
  "fin-before-last": cutAtBytes((sizeBytes) => sizeBytes - 1),
  "reset-at-half": async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes });
    await wire.body(content, 0, content.sizeBytes >> 1);
    wire.reset();
  },
  "chunks-without-last": async ({ content }, wire) => {
    await wire.head("200 OK", { "transfer-encoding": "chunked" });
    await wire.chunks(content, 0, content.sizeBytes >> 1);
    wire.end();
  },
  "chunks-that-end-early": async ({ content }, wire) => {
    await wire.head("200 OK", { "transfer-encoding": "chunked" });
    await wire.chunks(content, 0, content.sizeBytes >> 1);
    await wire.lastChunk();
  },
  "close-delimited-cut": async ({ content }, wire) => {
    await wire.head("200 OK", { connection: "close" });
    await wire.body(content, 0, content.sizeBytes >> 1);
    wire.end();
  },

  // Lengths that are none, or of something else.
  "length-half": lengthOf((sizeBytes) => sizeBytes >> 1),
  "length-half-and-only-that": async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes >> 1 });
    await wire.body(content, 0, content.sizeBytes >> 1);
  },
  "length-with-junk": async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes + 1000 });
    await wire.body(content, 0, content.sizeBytes);
    await wire.raw(Buffer.alloc(1000, "junk"));
  },
  "length-and-junk-behind": async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes });
    await wire.body(content, 0, content.sizeBytes);
    await wire.raw(Buffer.alloc(1000, "junk"));
  },
  "two-lengths": lengthOf((sizeBytes) => [String(sizeBytes), String(sizeBytes + 5)]),
  "length-and-chunked": async ({ content }, wire) => {
    await wire.head("200 OK", {
      "content-length": content.sizeBytes,
      "transfer-encoding": "chunked",
    });
    await wire.chunks(content, 0, content.sizeBytes);
    await wire.lastChunk();
  },
  "length-with-sign": lengthOf((sizeBytes) => `+${sizeBytes}`),
  "length-list": lengthOf((sizeBytes) => `${sizeBytes},${sizeBytes}`),
  "length-huge": lengthOf(() => "9223372036854775808"),
  "length-not-a-number": lengthOf(() => "0x10"),

  // Statuses that are no answer to a plain GET.
  "status-204": async (_ask, wire) => await wire.head("204 No Content", {}),
  "status-206": async ({ content }, wire) => {
    const { sizeBytes } = content;
    await wire.head("206 Partial Content", {
      "content-length": sizeBytes >> 1,
      "content-range": `bytes 0-${(sizeBytes >> 1) - 1}/${sizeBytes}`,
    });
    await wire.body(content, 0, sizeBytes >> 1);
  },
  "status-304": async (_ask, wire) => await wire.head("304 Not Modified", {}),
  "web-page": async (_ask, wire) =>
    await wire.whole("200 OK", { "content-type": "text/html" }, "<html>please log in</html>"),

  // HEAD.
  "head-size-lie": headThat(async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes * 2 + 7 });
  }),
  "head-405": headThat(async (_ask, wire) => await wire.whole("405 Method Not Allowed", {})),
  "head-unavailable-at-first": async (ask, wire) =>
    await (ask.attempt < 2 ? unavailable : honest)(ask, wire),
  "head-with-body": headThat(async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes });
    await wire.raw(content.slice(0, Math.min(1000, content.sizeBytes)));
    wire.end();
  }),

  // No answer at first, by the GETs that came before.
  "unavailable-at-first": until(3, unavailable),
  "reset-at-first": until(3, async (_ask, wire) => wire.reset()),
  "status-line-cut-at-first": until(3, async (_ask, wire) => {
    await wire.raw("HTTP/1.1 20");
    wire.end();
  }),
  "redirected-to-trouble-at-first": redirected,
  "token-refused-at-first": until(1, async ({ registryUrl }, wire) => {
    await wire.whole("401 Unauthorized", {
      "www-authenticate": `Bearer realm="${registryUrl}/token",service="faults"`,
    });
  }),
  "refused-at-first": until(1, async (_ask, wire) => {
    await wire.whole("401 Unauthorized", {}, "who?");
  }),
  "limited-at-first": until(1, limitedFor(1)),
  "limited-for-a-minute": until(1, limitedFor(60)),
  "unavailable-once": until(1, unavailable),
  "never-available": unavailable,

  // Cut once, and what comes of going on.
  "cut-once": onceThen(cutAt(0.3), honest),
  "cut-once-of-unknown-length": onceThen(chunksCutAt(0.3), honest),
  "cut-late": onceThen(
    cutAtBytes((sizeBytes) => sizeBytes - 1000),
    honest,
  ),
  "cut-five-times": async (ask, wire) =>
    await (ask.attempt < 5 ? cutAt(0.15)(ask, wire) : honest(ask, wire)),
  "cut-always": cutAt(0.3),
  "cut-every-8-mib": cutAfter(8 * 1024 * 1024),
  "cut-then-whole": onceThen(cutAt(0.3), plainly),
  "cut-then-other-etag": onceThen(
    cutAt(0.3),
    async (ask, wire) => await sendPart(ask, wire, ask.content, { etag: '"another"' }),
  ),
  "cut-then-other-whole": onceThen(
    cutAt(0.3),
    async (ask, wire) => await plainly({ ...ask, content: ask.content.changed(oneByte(0)) }, wire),
  ),
  "cut-then-another-blob": onceThen(
    cutAt(0.3),
    async (ask, wire) =>
      await plainly({ ...ask, content: ask.content.changed(from(ask.content, 0)) }, wire),
  ),
  "cut-then-other-rest": onceThen(
    cutAt(0.3),
    async (ask, wire) => await sendPart(ask, wire, ask.content.changed(from(ask.content, 0.6))),
  ),
  "cut-then-wrong-start": onceThen(cutAt(0.3), shiftedPart(-1000)),
  "cut-then-later-start": onceThen(cutAt(0.3), shiftedPart(1000)),
  "cut-then-wrong-total": onceThen(cutAt(0.3), async ({ content, request }, wire) => {
    const first = startOf(request);
    const { sizeBytes } = content;
    await wire.head("206 Partial Content", {
      "content-length": sizeBytes - first,
      "content-range": `bytes ${first}-${sizeBytes - 1}/${sizeBytes + 1000}`,
    });
    await wire.body(content, first, sizeBytes);
  }),
  "cut-then-other-total": onceThen(cutAt(0.3), async ({ content, request }, wire) => {
    const first = startOf(request);
    const { sizeBytes } = content;
    await wire.head("206 Partial Content", {
      "content-length": sizeBytes - first + 1000,
      "content-range": `bytes ${first}-${sizeBytes + 999}/${sizeBytes + 1000}`,
    });
    await wire.body(content, first, sizeBytes);
    await wire.raw(Buffer.alloc(1000, "junk"));
  }),
  "cut-then-no-content-range": onceThen(cutAt(0.3), async ({ content, request }, wire) => {
    const first = startOf(request);
    await wire.head("206 Partial Content", { "content-length": content.sizeBytes - first });
    await wire.body(content, first, content.sizeBytes);
  }),
  "cut-then-shorter-part": onceThen(cutAt(0.3), async ({ content, request }, wire) => {
    const first = startOf(request);
    const end = first + Math.ceil((content.sizeBytes - first) / 2);
    await wire.head("206 Partial Content", {
      "content-length": end - first,
      "content-range": `bytes ${first}-${end - 1}/${content.sizeBytes}`,
    });
    await wire.body(content, first, end);
  }),
  "cut-then-416": onceThen(
    cutAt(0.3),
    async ({ content }, wire) =>
      await wire.whole("416 Range Not Satisfiable", {
        "content-range": `bytes */${content.sizeBytes}`,
      }),
  ),
  "cut-then-404": onceThen(
    cutAt(0.3),
    async (_ask, wire) => await wire.whole("404 Not Found", {}, '{"errors":[]}'),
  ),
  "cut-then-503-once": async (ask, wire) =>
    await (ask.attempt === 1
      ? wire.whole("503 Service Unavailable", {}, "later")
      : onceThen(cutAt(0.3), honest)(ask, wire)),
  "cut-then-401-once": async (ask, wire) => {
    if (ask.attempt === 0) return await cutAt(0.3)(ask, wire);
    if (ask.request.headers["authorization"] === "Bearer CANARYT1") return await honest(ask, wire);
    await wire.whole("401 Unauthorized", {
      "www-authenticate": `Bearer realm="${ask.registryUrl}/token",service="faults"`,
    });
  },

  // Storage behind a redirect to signed URLs that expire.
  "hop-good": redirected,
  "hop-lasts": redirected,
  "hop-expires": redirected,
  "hop-cut-once": redirected,
  "hop-refuses-once": redirected,

  // Senders that stop, without an end.
  "stall-at-once": async (_ask, wire) => await wire.silence(),
  "stall-in-status-line": async (_ask, wire) => {
    await wire.raw("HTTP/1.1 20");
    await wire.silence();
  },
  "header-a-byte-at-a-time": async ({ content }, wire) => {
    const head = `HTTP/1.1 200 OK\r\ncontent-length: ${content.sizeBytes}\r\n`;
    for (const byte of `${head}x-padding: ${"x".repeat(2000)}`) {
      await wire.raw(byte);
      await Promise.race([new Promise((resolve) => setTimeout(resolve, 50)), wire.silence()]);
      if (wire.gone) return;
    }
    await wire.silence();
  },
  "stall-at-half": async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes });
    await wire.body(content, 0, content.sizeBytes >> 1);
    await wire.silence();
  },
  "stall-at-half-once": onceThen(async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes });
    await wire.body(content, 0, content.sizeBytes >> 1);
    await wire.silence();
  }, honest),
  "end-never-comes": async ({ content }, wire) => {
    await wire.head("200 OK", { connection: "close" });
    await wire.body(content, 0, content.sizeBytes);
    await wire.silence();
  },
};

/** What a fault sends in place of the truth, for those whose bytes are wrong. */
export function lieOf(fault: string, content: SeededContent): SeededContent {
  const { sizeBytes } = content;
  if (fault.startsWith("flip-first")) return content.changed(oneByte(0));
  if (fault.startsWith("flip-middle")) return content.changed(oneByte(sizeBytes >> 1));
  if (fault.startsWith("flip-last")) return content.changed(oneByte(sizeBytes - 1));
  // Who asks anew after the cut gets the other one from its beginning.
  if (fault === "cut-then-other-whole") return content.changed(oneByte(0));
  if (fault === "cut-then-another-blob") return content.changed(from(content, 0));
  if (fault === "cut-then-other-rest") return content.changed(from(content, 0.6));
  return content;
}

function oneByte(at: number): Change {
  return { first: at, end: at + 1 };
}

function from({ sizeBytes }: SeededContent, share: number): Change {
  return { first: Math.floor(sizeBytes * share), end: sizeBytes };
}

/** The position a `Range: bytes=N-` asks from. */
function startOf({ headers }: FaultRequest): number {
  return Number(/^bytes=(\d+)-/.exec(headers["range"] ?? "")?.[1] ?? 0);
}

/** The whole, whatever range was asked for. */
async function plainly({ content, request }: FaultAsk, wire: FaultWire): Promise<void> {
  await wire.head("200 OK", { "content-length": content.sizeBytes });
  if (request.method !== "HEAD") await wire.body(content, 0, content.sizeBytes);
}

/** What was asked for, out of `content`: the whole or one range. */
export async function sendPart(
  { request }: FaultAsk,
  wire: FaultWire,
  content: SeededContent,
  headers: HeaderLines = {},
): Promise<void> {
  const { sizeBytes } = content;
  const [, first, last] = /^bytes=(\d+)-(\d*)$/.exec(request.headers["range"] ?? "") ?? [];
  const start = Number(first ?? 0);
  const end = last ? Math.min(Number(last) + 1, sizeBytes) : sizeBytes;
  if (first !== undefined && start >= sizeBytes) {
    const range = { "content-range": `bytes */${sizeBytes}` };
    return await wire.whole("416 Range Not Satisfiable", range);
  }
  const part =
    first === undefined ? {} : { "content-range": `bytes ${start}-${end - 1}/${sizeBytes}` };
  const status = first === undefined ? "200 OK" : "206 Partial Content";
  const length = { "content-length": end - start, "accept-ranges": "bytes" };
  await wire.head(status, { ...length, ...part, ...headers });
  if (request.method !== "HEAD") await wire.body(content, start, end);
}

function flipped(at: (sizeBytes: number) => number): Fault {
  return async (ask, wire) => {
    const { content } = ask;
    await sendPart(ask, wire, content.changed(oneByte(at(content.sizeBytes))));
  };
}

function chunked(lie: (content: SeededContent) => SeededContent): Fault {
  return async ({ content }, wire) => {
    await wire.head("200 OK", { "transfer-encoding": "chunked" });
    await wire.chunks(lie(content), 0, content.sizeBytes);
    await wire.lastChunk();
  };
}

/** Breaks off after a share of what was asked for. */
function cutAt(share: number): Fault {
  return async (ask, wire) => {
    const { content, request } = ask;
    const { sizeBytes } = content;
    const first = startOf(request);
    const status = request.headers["range"] ? "206 Partial Content" : "200 OK";
    await wire.head(status, {
      "content-length": sizeBytes - first,
      ...(request.headers["range"]
        ? { "content-range": `bytes ${first}-${sizeBytes - 1}/${sizeBytes}` }
        : {}),
    });
    await wire.body(content, first, first + Math.floor((sizeBytes - first) * share));
    wire.end();
  };
}

/** Breaks off after so many bytes, whatever was asked for. */
function cutAfter(longestBytes: number): Fault {
  return async (ask, wire) => {
    const { content, request } = ask;
    const missingBytes = content.sizeBytes - startOf(request);
    if (missingBytes <= longestBytes) return await honest(ask, wire);
    return await cutAt(longestBytes / missingBytes)(ask, wire);
  };
}

/** Always breaks off at the same byte of the whole, whatever was asked for. */
function cutAtBytes(end: (sizeBytes: number) => number): Fault {
  return async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes });
    await wire.body(content, 0, end(content.sizeBytes));
    wire.end();
  };
}

function chunksCutAt(share: number): Fault {
  return async ({ content }, wire) => {
    await wire.head("200 OK", { "transfer-encoding": "chunked" });
    await wire.chunks(content, 0, Math.floor(content.sizeBytes * share));
    wire.end();
  };
}

/** All bytes and then the end, under a length that is not theirs. */
function lengthOf(length: (sizeBytes: number) => number | string | readonly string[]): Fault {
  return async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": length(content.sizeBytes) });
    await wire.body(content, 0, content.sizeBytes);
    wire.end();
  };
}

function shiftedPart(byBytes: number): Fault {
  return async ({ content, request }, wire) => {
    const first = Math.max(0, startOf(request) + byBytes);
    await wire.head("206 Partial Content", {
      "content-length": content.sizeBytes - first,
      "content-range": `bytes ${first}-${content.sizeBytes - 1}/${content.sizeBytes}`,
    });
    await wire.body(content, first, content.sizeBytes);
  };
}

function headThat(head: Fault): Fault {
  return async (ask, wire) => await (ask.request.method === "HEAD" ? head : honest)(ask, wire);
}

function onceThen(first: Fault, next: Fault): Fault {
  return async (ask, wire) => await (ask.attempt === 0 ? first : next)(ask, wire);
}

/** Only GETs meet it, the first `times` of them. */
function until(times: number, fault: Fault): Fault {
  return async (ask, wire) =>
    await (ask.request.method === "GET" && ask.attempt < times ? fault : honest)(ask, wire);
}

function limitedFor(seconds: number): Fault {
  return async (_ask, wire) => {
    await wire.whole("429 Too Many Requests", { "retry-after": seconds }, "slowly");
  };
}

async function unavailable(_ask: FaultAsk, wire: FaultWire): Promise<void> {
  await wire.whole("503 Service Unavailable", {}, "later");
}

/** To a URL that is good for one use, as registries sign them. */
async function redirected({ request, hopUrl }: FaultAsk, wire: FaultWire): Promise<void> {
  const path = request.target.replace(/^\/v2\//, "/signed/");
  const location = `${hopUrl}${path}?sig=CANARYS&serial=${crypto.randomUUID()}`;
  await wire.whole("307 Temporary Redirect", { location });
}
