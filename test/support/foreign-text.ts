import fc from "fast-check";

/** Text as others may send it: anything, and what is near to what is meant. */
export function foreignText(alphabet: string, maxLength = 60): fc.Arbitrary<string> {
  const near = fc.constantFrom(...alphabet);
  return fc.oneof(
    { weight: 4, arbitrary: fc.string({ unit: near, maxLength }) },
    { weight: 1, arbitrary: fc.string({ unit: "binary", maxLength }) },
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
