import { type Fault, type FaultAsk, honest, sendPart } from "./faults.ts";
import type { SeededContent } from "./seeded-content.ts";

/** What goes wrong with parts that are asked for (`bytes=FIRST-LAST`); the whole, and its rest, come as they should. */
export const partFaults: Readonly<Record<string, Fault>> = {
  "parts-come-whole": ofParts(async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes });
    await wire.body(content, 0, content.sizeBytes);
  }),
  "parts-begin-elsewhere": ofParts(partOf(({ first, last }) => [first - 10, last - 10])),
  "parts-end-early": ofParts(partOf(({ first, last }) => [first, (first + last) >> 1])),
  "parts-of-another-size": ofParts(partOf(({ first, last }) => [first, last], 1000)),
  "parts-of-another-etag": async (ask, wire) => {
    const etag = rangeOf(ask) ? '"another"' : '"one"';
    await sendPart(ask, wire, ask.content, { etag });
  },
  "parts-are-shorter-than-they-say": ofParts(async (ask, wire) => {
    const { first, last } = rangeOf(ask) ?? whole(ask.content);
    const endBytes = (first + last) >> 1;
    await wire.head("206 Partial Content", {
      "content-length": endBytes - first,
      "content-range": `bytes ${first}-${last}/${ask.content.sizeBytes}`,
    });
    await wire.body(ask.content, first, endBytes);
  }),
  "parts-are-longer-than-they-say": ofParts(async (ask, wire) => {
    const { first, last } = rangeOf(ask) ?? whole(ask.content);
    const { sizeBytes } = ask.content;
    await wire.head("206 Partial Content", {
      "content-length": sizeBytes - first,
      "content-range": `bytes ${first}-${last}/${sizeBytes}`,
    });
    await wire.body(ask.content, first, sizeBytes);
  }),
  "parts-break-off": ofParts(brokenOff),
  "first-part-breaks-off": async (ask, wire) =>
    await (rangeOf(ask) && ask.attempt === 1 ? brokenOff : honest)(ask, wire),
  "parts-are-unsatisfiable": ofParts(status("416 Range Not Satisfiable")),
  "parts-are-not-there": ofParts(status("404 Not Found")),
  "parts-are-refused": ofParts(status("403 Forbidden")),
  "parts-are-limited": ofParts(status("429 Too Many Requests", { "retry-after": "60" })),
  "parts-are-unavailable": ofParts(status("503 Service Unavailable")),
  "parts-are-reset": ofParts(async (_ask, wire) => wire.reset()),
  "parts-are-other-bytes": ofParts(async (ask, wire) => {
    const { first } = rangeOf(ask) ?? whole(ask.content);
    await sendPart(ask, wire, ask.content.changed({ first, end: first + 1 }));
  }),
  "no-parts": async ({ content }, wire) => {
    await wire.head("200 OK", { "content-length": content.sizeBytes });
    await wire.body(content, 0, content.sizeBytes);
  },
};

interface Range {
  readonly first: number;
  readonly last: number;
}

function ofParts(fault: Fault): Fault {
  return async (ask, wire) => await (rangeOf(ask) ? fault : honest)(ask, wire);
}

function rangeOf({ request }: FaultAsk): Range | null {
  const [, first, last] = /^bytes=(\d+)-(\d+)$/.exec(request.headers["range"] ?? "") ?? [];
  return last === undefined ? null : { first: Number(first), last: Number(last) };
}

function whole({ sizeBytes }: SeededContent): Range {
  return { first: 0, last: sizeBytes - 1 };
}

function partOf(part: (asked: Range) => readonly [number, number], moreBytes = 0): Fault {
  return async (ask, wire) => {
    const { content } = ask;
    const [first, last] = part(rangeOf(ask) ?? whole(content));
    await wire.head("206 Partial Content", {
      "content-length": last + 1 - first,
      "content-range": `bytes ${first}-${last}/${content.sizeBytes + moreBytes}`,
    });
    await wire.body(content, first, last + 1);
  };
}

function status(line: string, headers: Readonly<Record<string, string>> = {}): Fault {
  return async (_ask, wire) => await wire.whole(line, headers, "no");
}

async function brokenOff(ask: FaultAsk, wire: Parameters<Fault>[1]): Promise<void> {
  const { first, last } = rangeOf(ask) ?? whole(ask.content);
  await wire.head("206 Partial Content", {
    "content-length": last + 1 - first,
    "content-range": `bytes ${first}-${last}/${ask.content.sizeBytes}`,
  });
  await wire.body(ask.content, first, (first + last) >> 1);
  wire.end();
}
