import assert from "node:assert/strict";
import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { fileURLToPath } from "node:url";
import fc from "fast-check";
import { ConfigError } from "../../src/config/config-error.ts";
import { readDockerConfig } from "../../src/config/files/docker-config.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import { explainedKeys } from "../../src/config/schema/key-list.ts";
import { type Environment, substitute } from "../../src/config/yaml/environment.ts";
import { entryFor } from "../../src/upstream/credentials/docker-server-names.ts";
import { anyText, foreignText, textOfPieces } from "../support/foreign-text.ts";
import { holds } from "../support/holds.ts";

const defaultFile: string = fileURLToPath(new URL("../../mirror.config.yaml", import.meta.url));

const words = [
  ...["docker.io", "ghcr.io", "a.example", "https://a.example", "http://127.0.0.1:5000", "10m"],
  ...["50GiB", "80%", "-1", "", "true", "null", "~", "*:v[0-9]*", "$" + "{HOME}", "$" + "{", "off"],
  ...["*a", "&a", "!a", "|", ">", "- ", "? ", ": ", "#", "[", "]", "{", "}", "'", '"', "\t", "\0"],
];
const word = fc.oneof(fc.constantFrom(...words), anyText(4));

test("any YAML is a configuration, or problems with their places", async () => {
  const lines = (await readFile(defaultFile, "utf8")).split("\n");
  // What is shown behind a "#" counts as well.
  const known = [...lines, ...lines.map((line) => line.replace("# ", ""))];
  const line = fc.oneof(
    fc.constantFrom(...known),
    word.map((text) => `  ${text}`),
  );
  const edits = fc.array(
    fc.tuple(fc.nat(lines.length), fc.nat(2), fc.array(line, { maxLength: 2 })),
    {
      maxLength: 4,
    },
  );
  const edited = edits.map((all) => {
    const text = [...lines];
    for (const [at, removed, added] of all) text.splice(at, removed, ...added);
    return text.join("\n");
  });
  await holds(fc.asyncProperty(edited, assertJudged));
});

test("any text is a configuration, or problems with their places", async () => {
  const tokens = fc.array(fc.oneof(word, fc.constantFrom("\n", "\n  ", "upstreams", ":", "log")));
  await holds(
    fc.asyncProperty(
      tokens.map((all) => all.join("")),
      assertJudged,
    ),
  );
});

test("any values behind the known keys are a configuration, or problems with their places", async () => {
  const paths = explainedKeys().map(({ path }) =>
    path.split(".").map((key) => (key === "HOST" ? "a.example" : key)),
  );
  const keys = fc.constantFrom(...new Set(paths.flat()), "__proto__", "a.example");
  const { value } = fc.letrec<{ value: unknown }>((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      fc.oneof(word, fc.double(), fc.boolean(), fc.constant(null)),
      fc.array(tie("value"), { maxLength: 3 }),
      fc.dictionary(keys, tie("value"), { maxKeys: 4 }),
    ),
  }));
  const documents = fc
    .array(fc.tuple(fc.constantFrom(...paths), value), { minLength: 1, maxLength: 4 })
    .map((all) =>
      JSON.stringify(all.reduce((document, [path, one]) => within(document, path, one), {})),
    );
  await holds(fc.asyncProperty(documents, assertJudged));
});

const begun = "$" + "{";
const pieces = textOfPieces(
  "$",
  "{",
  "}",
  "}",
  ":-",
  "x",
  " ",
  ...["A", "B", "C"].flatMap((name) => [
    begun,
    `$${begun}`,
    `${begun}${name}`,
    `${begun}${name}:-`,
    `${begun}${name}:-x}`,
  ]),
);

test("aliases of aliases are a problem before they fill the memory", async () => {
  const [depths, widths] = [fc.nat(10), fc.integer({ min: 1, max: 12 })];
  await holds(
    fc.asyncProperty(depths, widths, async (depth, width) => {
      const lines = Array.from({ length: depth }, (_, at) => {
        const items = Array.from({ length: width }, () => (at === 0 ? "x" : `*a${at - 1}`));
        return `a${at}: &a${at} [${items}]`;
      });
      await assertJudged(lines.join("\n"));
    }),
  );
});

const environment: Environment = { A: "1", B: "", __proto__: undefined };

test("variables are put in as a reader does who goes from letter to letter", async () => {
  await holds(
    fc.property(fc.oneof(pieces, foreignText("$$$ {{}}ABC:-_", 24)), (text) => {
      const found = substitute(text, environment);
      assert.deepEqual(found.kind === "text" ? found.text : null, substitutedByLetter(text));
    }),
  );
});

test("a Docker configuration is read, or refused without a word of it", async () => {
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-docker-"));
  const path = join(directory.path, "config.json");
  const keys = fc.constantFrom("auths", "credHelpers", "credsStore", "auth", "__proto__", "CANARY");
  const { json } = fc.letrec<{ json: unknown }>((tie) => ({
    json: fc.oneof(
      { maxDepth: 4 },
      fc.constantFrom("CANARY", "", null, 1),
      fc.array(tie("json"), { maxLength: 2 }),
      fc.dictionary(keys, tie("json"), { maxKeys: 4 }),
    ),
  }));
  const text = fc.oneof(
    json.map((value) => JSON.stringify(value)),
    foreignText('{}[]":,a', 20),
  );
  await holds(
    fc.asyncProperty(text, async (content) => {
      await writeFile(path, content);
      const read = await readDockerConfig(path);
      if (read.kind === "problem") return assert.doesNotMatch(read.message, /CANARY/);
      // By its own names alone: an object's are nobody's registry.
      const { auths, credHelpers } = read.config;
      for (const name of ["toString", "constructor", "valueOf"]) {
        assert.equal(entryFor(auths, name) ?? entryFor(credHelpers, name), undefined);
      }
    }),
  );
});

/** Whether the text is taken, or refused with nothing but problems that have a place in it. */
async function assertJudged(text: string): Promise<void> {
  try {
    await parseConfig({ text, file: "lab.yaml", directory: "/nonexistent" }, { HOME: "/root" });
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    assert.ok(error.problems.length > 0);
    const lines = text.split(/\r\n|\n|\r/);
    for (const { place, message } of error.problems) {
      assert.ok(
        place && place.line >= 1 && place.line <= lines.length,
        `${place?.line}: ${message}`,
      );
      assert.ok(place.column >= 1, `${place.column}: ${message}`);
      assert.doesNotMatch(message, /[\n\r]|undefined|\[object/);
    }
  }
}

/** `document` with `value` at `path`, as far as nothing else is on the way; `key[]` is a list of one. */
function within(document: object, [step = "", ...rest]: readonly string[], value: unknown): object {
  const key = step.replace("[]", "");
  const there: unknown = Object.entries(document).find(([name]) => name === key)?.[1];
  const table = typeof there === "object" && there !== null ? there : {};
  const below = rest.length === 0 ? value : within(table, rest, value);
  return { ...document, [key]: key === step ? below : [below] };
}

/** null if the text has a mistake. */
function substitutedByLetter(text: string): string | null {
  if (text === "") return "";
  if (text.startsWith("$" + "${")) return joined("$" + "{", text.slice(3));
  if (!text.startsWith("$" + "{")) return joined(text.charAt(0), text.slice(1));
  const end = text.indexOf("}");
  const [name = "", ...fallback] = text.slice(2, Math.max(end, 2)).split(":-");
  const isName = /^[A-Za-z_]/.test(name) && !/[^A-Za-z0-9_]/.test(name);
  const value = new Map([
    ["A", "1"],
    ["B", ""],
  ]).get(name);
  if (end < 0 || !isName) return null;
  if (fallback.length > 0) return joined(value || fallback.join(":-"), text.slice(end + 1));
  return value === undefined ? null : joined(value, text.slice(end + 1));
}

function joined(start: string, rest: string): string | null {
  const end = substitutedByLetter(rest);
  return end === null ? null : start + end;
}
