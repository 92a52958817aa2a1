import fc from "fast-check";

const surrogatesFrom = 0xd800;
const surrogates = 0x800;

/** Any character of Unicode. fast-check's own takes two seconds of each process to list them all. */
const anyCharacter = fc.nat(0x10ffff - surrogates).map(
  (at) => String.fromCodePoint(at < surrogatesFrom ? at : at + surrogates),
  (character) => {
    const point = typeof character === "string" ? character.codePointAt(0) : undefined;
    if (point === undefined || character !== String.fromCodePoint(point)) {
      throw new Error("no character");
    }
    return point < surrogatesFrom ? point : point - surrogates;
  },
);

/** Any text at all, but for halves of a character. */
export function anyText(maxLength?: number): fc.Arbitrary<string> {
  return fc.string({ unit: anyCharacter, ...(maxLength === undefined ? {} : { maxLength }) });
}

/** Text as others may send it: anything, and what is near to what is meant. */
export function foreignText(alphabet: string, maxLength = 60): fc.Arbitrary<string> {
  const near = fc.constantFrom(...alphabet);
  return fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: near, maxLength }) },
    { weight: 1, arbitrary: anyText(maxLength) },
    { weight: 1, arbitrary: fc.string({ unit: fc.oneof(near, fc.string({ maxLength: 1 })) }) },
  );
}

/** Text put together of these pieces, so that what means something is met often. */
export function textOfPieces(...pieces: readonly string[]): fc.Arbitrary<string> {
  return fc.array(fc.constantFrom(...pieces), { maxLength: 10 }).map((all) => all.join(""));
}

/** Letters that terminals, logs and headers take for something else. */
export const oddLetters =
  "\u0000\u0007\u001b\u007f\u0085\u00e9\u00ff\u200b\u2028\u2029\u202e\ufeff\r\n\t";

/** Text of one to `maxLength` of these characters. */
export function textOf(alphabet: string, maxLength: number, minLength = 1): fc.Arbitrary<string> {
  return fc.string({ unit: fc.constantFrom(...alphabet), minLength, maxLength });
}
