import fc from "fast-check";
import { type Digest, parseDigest } from "../../src/oci/digest.ts";
import { parseReference, parseTag, type Reference, type Tag } from "../../src/oci/reference.ts";
import { parseRepository, type Repository } from "../../src/oci/repository.ts";
import { textOf } from "./foreign-text.ts";

const lower = "abcxyz";
const digits = "0189";

/** Digests as the spec has them. */
export function digests(): fc.Arbitrary<Digest> {
  const hex = "0123456789abcdef";
  const sha256 = textOf(hex, 64, 64).map((text) => `sha256:${text}`);
  const sha512 = textOf(hex, 128, 128).map((text) => `sha512:${text}`);
  return fc.oneof(sha256, sha512).map((text) => known(parseDigest(text), text));
}

/** Tags by the grammar of the spec. */
export function tags(): fc.Arbitrary<Tag> {
  const [first, rest] = [textOf(`${lower}A${digits}_`, 1), textOf(`${lower}Z${digits}_.-`, 127, 0)];
  return fc.tuple(first, rest).map((parts) => known(parseTag(parts.join("")), parts.join("")));
}

export function references(): fc.Arbitrary<Reference> {
  return fc.oneof(tags(), digests()).map((text) => known(parseReference(text), text));
}

/** Names of repositories by the grammar of the spec, short enough to stand behind `library/`. */
export function repositories(): fc.Arbitrary<Repository> {
  const word = textOf(lower + digits, 8);
  const joint = fc.constantFrom(".", "_", "__", "-", "--", "------");
  const component = fc
    .tuple(word, fc.array(fc.tuple(joint, word), { maxLength: 3 }))
    .map((parts) => parts.flat(2).join(""));
  return fc
    .array(component, { minLength: 1, maxLength: 4 })
    .map((components) => components.join("/"))
    .filter((text) => text.length <= 240)
    .map((text) => known(parseRepository(text), text));
}

/** What a parser gave for text that is right. */
function known<Value>(value: Value | null, text: string): Value {
  if (value !== null) return value;
  throw new Error(`${JSON.stringify(text)} is right, and was refused`);
}
