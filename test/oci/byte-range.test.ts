import assert from "node:assert/strict";
import { test } from "node:test";
import { type RangeRequest, resolveRange } from "../../src/oci/byte-range.ts";

const whole: RangeRequest = { kind: "whole" };
const unsatisfiable: RangeRequest = { kind: "unsatisfiable" };
const part = (first: number, last: number): RangeRequest => ({
  kind: "part",
  range: { first, last },
});

const parts = (...ranges: readonly (readonly [number, number])[]): RangeRequest => ({
  kind: "parts",
  ranges: ranges.map(([first, last]) => ({ first, last })),
});

// Of a body of 1,000 bytes.
const ofThousand: readonly (readonly [header: string, expected: RangeRequest])[] = [
  ["bytes=0-0", part(0, 0)],
  ["bytes=0-", part(0, 999)],
  ["bytes=0-999", part(0, 999)],
  ["bytes=0-1000", part(0, 999)],
  ["bytes=0-999999999999999", part(0, 999)],
  ["bytes=500-500", part(500, 500)],
  ["bytes=999-", part(999, 999)],
  ["bytes=999-999", part(999, 999)],
  ["bytes=007-010", part(7, 10)],
  ["bytes=-1", part(999, 999)],
  ["bytes=-1000", part(0, 999)],
  ["bytes=-1001", part(0, 999)],
  ["bytes=-999999999999999", part(0, 999)],
  ["bytes=-0", unsatisfiable],
  ["bytes=1000-", unsatisfiable],
  ["bytes=1000-2000", unsatisfiable],
  ["bytes=999999999999999-", unsatisfiable],
  // Invalid by the grammar or by itself: the header is ignored.
  ["bytes=500-0", whole],
  ["bytes=2000-1000", whole],
  ["bytes=", whole],
  ["bytes=-", whole],
  ["bytes=--1", whole],
  ["bytes=1-2-3", whole],
  ["bytes=+1-2", whole],
  ["bytes=1.5-2", whole],
  ["bytes=0x1-0x2", whole],
  ["bytes=1e2-", whole],
  ["bytes=a-b", whole],
  ["bytes=NaN-", whole],
  ["bytes 0-0", whole],
  ["bytes=0-0\n", whole],
  ["bytes=٠-٠", whole],
  ["", whole],
  ["junk", whole],
  // Positions that a number cannot hold.
  ["bytes=0-99999999999999999999", whole],
  ["bytes=99999999999999999999-", whole],
  // Several in order, what is behind the end left out; others may be ignored.
  ["bytes=0-0,2-2", parts([0, 0], [2, 2])],
  ["bytes=0-0, 1-1 ,-1", parts([0, 0], [1, 1], [999, 999])],
  ["bytes=0-0,1000-", part(0, 0)],
  ["bytes=1000-,2000-", unsatisfiable],
  ["bytes=0-,-1", whole],
  ["bytes=0-5,5-6", whole],
  ["bytes=2-2,0-0", whole],
  ["bytes=0-0,", whole],
  ["items=0-0", whole],
];

for (const [header, expected] of ofThousand) {
  test(`of 1,000 bytes ${JSON.stringify(header)} asks for ${describe(expected)}`, () => {
    assert.deepEqual(resolveRange(header, 1000), expected);
  });
}

test("a header of 1,024 ranges gets all of them, and one of more the whole body", () => {
  const asked = Array.from({ length: 1025 }, (_, at) => `${2 * at}-${2 * at}`);

  const most = resolveRange(`bytes=${asked.slice(1).join()}`, 10_000);
  const tooMany = resolveRange(`bytes=${asked.join()}`, 10_000);

  assert.equal(most.kind === "parts" && most.ranges.length, 1024);
  assert.deepEqual(tooMany, whole);
});

test("without the header the whole body is asked for", () => {
  assert.deepEqual(resolveRange(undefined, 1000), whole);
});

test("no range of an empty body can be satisfied", () => {
  for (const header of ["bytes=0-", "bytes=0-0", "bytes=-1"]) {
    assert.deepEqual(resolveRange(header, 0), unsatisfiable);
  }
});

test("a header of 16 KiB that is no range asks for the whole body", () => {
  const headers = [
    `bytes=${"0-0,".repeat(4096)}`,
    `bytes=${"1".repeat(16 * 1024)}`,
    `bytes=${"-".repeat(16 * 1024)}`,
    `bytes=0-0${" ".repeat(16 * 1024)}x`,
  ];
  for (const header of headers) assert.deepEqual(resolveRange(header, 1000), whole);
});

function describe(request: RangeRequest): string {
  if (request.kind !== "part") return request.kind;
  return `bytes ${request.range.first} to ${request.range.last}`;
}
