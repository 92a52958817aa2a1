import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { ImageGlob } from "../../src/oci/image-glob.ts";
import { foreignText } from "../support/foreign-text.ts";
import { holds } from "../support/holds.ts";

/** Few letters, so that patterns and names meet. */
const names = fc
  .array(fc.constantFrom("a", "b", "/", ":", "@", "-", "]"), { maxLength: 8 })
  .map((all) => all.join(""));
const pieces = fc.constantFrom(
  "a",
  "b",
  "*",
  "*",
  "?",
  "/",
  ":",
  "@",
  "-",
  "[ab]",
  "[!a]",
  "[a-b]",
  "[]a]",
);
const patterns = fc.array(pieces, { minLength: 1, maxLength: 7 }).map((all) => all.join(""));

test("a pattern matches what one matches that tries every way", async () => {
  await holds(
    fc.property(fc.oneof(patterns, foreignText("ab*?[]!-/:@", 8)), names, (pattern, name) => {
      const glob = ImageGlob.parse(pattern);
      if (glob === null) assert.ok(pattern === "" || /\[/.test(pattern));
      else assert.equal(glob.matches(name), naively(pattern, name), `${pattern} and ${name}`);
    }),
  );
});

test("a pattern that covers another matches all that the other one does", async () => {
  await holds(
    fc.property(patterns, patterns, fc.array(names), (outer, inner, all) => {
      const [one, other] = [ImageGlob.parse(outer), ImageGlob.parse(inner)];
      assert.ok(one?.covers(one) ?? true);
      if (!one || !other || !one.covers(other)) return;
      for (const name of [...all, ...instances(inner)]) {
        assert.ok(
          !other.matches(name) || one.matches(name),
          `${outer} covers ${inner}, but ${name}`,
        );
      }
    }),
  );
});

/** By repository and by what is behind it, each in all ways. */
function naively(pattern: string, name: string): boolean {
  const [wanted, given] = [halves(pattern), halves(name)];
  if (!everyWay(wanted.repository, given.repository)) return false;
  return wanted.reference === "" || everyWay(wanted.reference, given.reference);
}

function halves(text: string): { repository: string; reference: string } {
  const slash = text.lastIndexOf("/") + 1;
  const marks = [text.indexOf(":", slash), text.indexOf("@", slash)].filter((at) => at >= 0);
  const at = Math.min(...marks, text.length);
  return { repository: text.slice(0, at), reference: text.slice(at) };
}

function everyWay(pattern: string, text: string): boolean {
  if (pattern === "") return text === "";
  if (pattern.startsWith("*")) {
    const rest = pattern.slice(1);
    return Array.from({ length: text.length + 1 }, (_, at) => at).some((at) =>
      everyWay(rest, text.slice(at)),
    );
  }
  if (text === "") return false;
  const end = pattern.startsWith("[") ? pattern.indexOf("]", 2) + 1 : 1;
  return (
    takes(pattern.slice(0, end), text.charAt(0)) && everyWay(pattern.slice(end), text.slice(1))
  );
}

function takes(one: string, char: string): boolean {
  if (one === "?") return true;
  if (!one.startsWith("[")) return one === char;
  const negated = one.startsWith("[!");
  return isMember([...one.slice(negated ? 2 : 1, -1)], char) !== negated;
}

function isMember(members: readonly string[], char: string): boolean {
  const [first = "", dash, last] = members;
  if (members.length === 0) return false;
  if (dash !== "-" || last === undefined) {
    return first === char || isMember(members.slice(1), char);
  }
  return (first <= char && char <= last) || isMember(members.slice(3), char);
}

/** Names that the pattern matches, some of them. */
function instances(pattern: string): string[] {
  const filled = (star: string, one: string): string =>
    pattern
      .replaceAll("[ab]", one)
      .replaceAll("[a-b]", one)
      .replaceAll("[!a]", "b")
      .replaceAll("[]a]", "]")
      .replaceAll("*", star)
      .replaceAll("?", one);
  return [
    filled("", "a"),
    filled("a", "b"),
    filled("b/a", "a"),
    filled(":a", "b"),
    filled("", ":"),
  ];
}
