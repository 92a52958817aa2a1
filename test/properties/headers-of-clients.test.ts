import assert from "node:assert/strict";
import { validateHeaderValue } from "node:http";
import { test } from "node:test";
import fc from "fast-check";
import { parseAccept } from "../../src/oci/accept.ts";
import { type ByteRange, type RangeRequest, resolveRange } from "../../src/oci/byte-range.ts";
import { answerOf, type Segment } from "../../src/server/blob-answer.ts";
import { viaOf } from "../../src/server/loop.ts";
import { foreignText, textOf } from "../support/foreign-text.ts";
import { holds } from "../support/holds.ts";
import { refusedOr } from "../support/refused-or.ts";

/** Small numbers, so that ranges meet the end of content and each other; and some that nothing has room for. */
const position = fc.oneof(fc.nat(12), fc.constantFrom("9".repeat(15), "9".repeat(16), ""));
const spaces = fc.constantFrom("", "", " ", "\t ");
const oddRange = fc.tuple(spaces, position, fc.constantFrom("-", "--", ""), position, spaces);
const soundRange = fc.tuple(fc.nat(6), fc.nat(2)).map(([at, more]) => [at, "-", at + more]);
const oneRange = fc.oneof({ weight: 3, arbitrary: soundRange }, { weight: 2, arbitrary: oddRange });
const ranges = fc
  .array(oneRange, { minLength: 1, maxLength: 4 })
  .map((all) => `bytes=${all.map((one) => one.join("")).join(",")}`);
const sizes = fc.nat(14);

test("a Range header means the bytes that a naive reader marks one by one", async () => {
  await holds(
    fc.property(fc.oneof(ranges, foreignText("bytes=0123-, ", 20)), sizes, (header, size) => {
      const asked = naivelyAsked(header, size);
      const resolved = resolveRange(header, size);
      if (asked === null || resolved.kind === "whole") {
        // Overlaps and disorder may be answered by the whole; what is malformed must be.
        assert.equal(resolved.kind, "whole");
        assert.ok(asked === null || overlapsOrTurnsBack(asked));
        return;
      }
      assert.deepEqual(bytesOf(resolved), asked.flat());
      assert.ok(!overlapsOrTurnsBack(asked));
    }),
  );
});

test("the parts of an answer are as long as its header says, and within the content", async () => {
  await holds(
    fc.property(ranges, sizes, (header, size) => {
      const answer = refusedOr(() => answerOf(header, size));
      if (answer === null) return;
      const lengths = answer.segments.map((segment) => lengthOf(segment));
      const sum = lengths.reduce((all, length) => all + length, 0);
      assert.equal(answer.headers["content-length"], String(sum));
      for (const segment of answer.segments) {
        if (segment.kind === "frame" || segment.range === null) continue;
        assert.ok(segment.range.first >= 0 && segment.range.last < Math.max(size, 1));
      }
    }),
  );
});

const token = textOf("abZ09.+-_", 12);
const mediaType = fc.tuple(token, token).map((parts) => parts.join("/").toLowerCase());
const parameter = fc.constantFrom(";q=0.5", "; charset=utf-8", ";q=1", ";a=b;c=d");
const blank = fc.constantFrom("", " ", "\t");

test("Accept takes the types that it lists, however it is written", async () => {
  const written = fc.tuple(blank, mediaType, blank, fc.option(parameter), fc.boolean());
  await holds(
    fc.property(fc.array(written, { minLength: 1, maxLength: 6 }), mediaType, (all, other) => {
      const header = all
        .map(([before, type, after, parameters, loud]) =>
          [before, loud ? type.toUpperCase() : type, after, parameters ?? ""].join(""),
        )
        .join(",");
      const types = all.map(([, type]) => type);
      const accept = parseAccept(header);

      assert.ok(types.every((type) => accept.takes(type)));
      assert.equal(accept.takes(other), types.includes(other));
      assert.equal(accept.list, [...new Set(types)].sort().join(","));
      // The order and the way to write it make no other variant.
      assert.deepEqual(variantOf(types.toReversed().join(" , ")), variantOf(header));
    }),
  );
});

test("what Accept takes is told by its list alone, whatever came", async () => {
  await holds(
    fc.property(foreignText("*/a,;q=0. ", 40), mediaType, (header, type) => {
      const accept = parseAccept(header);
      const again = parseAccept(accept.list === "" ? undefined : accept.list);

      assert.deepEqual([again.list, again.variant], [accept.list, accept.variant]);
      for (const one of [type, "a/a", "*/*", ""]) assert.equal(again.takes(one), accept.takes(one));
      assert.match(accept.list, /^[\w.+*/,-]*$/);
      assert.match(accept.variant, /^[\w-]{0,16}$/);
    }),
  );
});

test("two lists have one variant only if they are the same list", async () => {
  await holds(
    fc.property(fc.array(mediaType), fc.array(mediaType), (one, other) => {
      const [a, b] = [parseAccept(one.join()), parseAccept(other.join())];
      assert.equal(a.variant === b.variant, a.list === b.list);
    }),
  );
});

test("CDN-Loop goes on as a header with us at its end, or the request is refused", async () => {
  const name = fc.oneof(token, fc.constant("sluice-1"), foreignText("a;=, ", 8));
  await holds(
    fc.property(fc.array(name, { maxLength: 25 }), (names) => {
      const header = names.join(",");
      const via = refusedOr(() => viaOf(header, "sluice-1"));
      if (via === null) return;
      validateHeaderValue("cdn-loop", via);
      assert.equal(via.split(",").at(-1)?.trim(), "sluice-1");
      assert.ok(!names.includes("sluice-1"));
      // Come back to us it ends here, and with another it goes on.
      assert.equal(
        refusedOr(() => viaOf(via, "sluice-1")),
        null,
      );
    }),
  );
});

function variantOf(header: string): unknown {
  const { list, variant } = parseAccept(header);
  return { list, variant };
}

/** The positions that each range asks for, in its order; null for a header that is none. */
function naivelyAsked(header: string, size: number): number[][] | null {
  if (!header.startsWith("bytes=")) return null;
  const all = header
    .slice("bytes=".length)
    .split(",")
    .map((one) => naively(one, size));
  return all.includes(null) ? null : all.flatMap((one) => (one?.length ? [one] : []));
}

function naively(written: string, size: number): number[] | null {
  const [first = "", last = "", ...rest] = written.replace(/^[ \t]+|[ \t]+$/g, "").split("-");
  const isNumber = [first, last].every((text) =>
    [...text].every((char) => char >= "0" && char <= "9"),
  );
  const isDashed = written.includes("-") && rest.length === 0 && first + last !== "";
  if (!isDashed || !isNumber || first.length > 15 || last.length > 15) return null;
  const positions = Array.from({ length: size }, (_, at) => at);
  if (first === "") return Number(last) === 0 ? [] : positions.slice(-Number(last));
  if (last !== "" && Number(last) < Number(first)) return null;
  return positions.filter((at) => at >= Number(first) && (last === "" || at <= Number(last)));
}

function overlapsOrTurnsBack(asked: readonly (readonly number[])[]): boolean {
  return asked.flat().some((at, index, all) => index > 0 && at <= (all[index - 1] ?? -1));
}

function bytesOf(resolved: Exclude<RangeRequest, { kind: "whole" }>): number[] {
  switch (resolved.kind) {
    case "part":
      return spread(resolved.range);
    case "parts":
      return resolved.ranges.flatMap(spread);
    case "unsatisfiable":
      return [];
  }
}

function spread({ first, last }: ByteRange): number[] {
  return Array.from({ length: last - first + 1 }, (_, at) => first + at);
}

function lengthOf(segment: Segment): number {
  if (segment.kind === "frame") return segment.bytes.length;
  return segment.range === null ? Number.NaN : segment.range.last - segment.range.first + 1;
}
