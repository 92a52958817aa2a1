import { stringify } from "yaml";
import { z } from "zod";

/** What a key is to people: the words of its problems and of the JSON Schema. */
export interface Wording {
  /** What a right value is, with its article: `a duration`. */
  readonly kind: string;
  readonly description: string;
  readonly example: unknown;
  /** JSON Schema keywords beyond the type, for editors. */
  readonly hints?: Readonly<Record<string, unknown>>;
  /** Whether its value must never be shown. */
  readonly secret?: boolean;
  /** What may stand behind a number; a value that is none is told of all of them. */
  readonly units?: readonly string[];
}

/** A key whose text `parse` makes into a value; null means that it cannot. */
export function text<Value>(
  wording: Wording,
  parse: (text: string) => Value | null,
): z.ZodType<Value, string> {
  return z
    .string({ error: wrongType(wording) })
    .meta({ ...metaOf(wording), ...wording.hints })
    .transform((written, context) => {
      const value = parse(written);
      if (value !== null) return value;
      context.addIssue(isNot(wording.secret ? "the value" : quoted(written), wording));
      return z.NEVER;
    });
}

export function flag(description: string): z.ZodType<boolean, boolean> {
  const wording = { kind: "true or false", description, example: true };
  return z.boolean({ error: wrongType(wording) }).meta(metaOf(wording));
}

/** A whole number from `least` to `most`. */
export function wholeNumber(
  wording: Omit<Wording, "kind">,
  { least, most }: { readonly least: number; readonly most: number },
): z.ZodType<number, number> {
  const whole = { kind: `a whole number from ${least} to ${most}`, ...wording };
  const isRight = (found: number): boolean =>
    Number.isInteger(found) && found >= least && found <= most;
  return z
    .number({ error: wrongType(whole) })
    .refine(isRight, { error: ({ input }) => isNot(String(input), whole) })
    .meta({ ...metaOf(whole), type: "integer", minimum: least, maximum: most });
}

export function list<Item extends z.ZodType>(item: Item, wording: Wording): z.ZodArray<Item> {
  return z.array(item, { error: wrongType(wording) }).meta(metaOf(wording));
}

/** A table whose keys are known. */
export function table<Shape extends z.core.$ZodLooseShape>(
  shape: Shape,
  wording: Omit<Wording, "kind">,
): z.ZodObject<Shape, z.core.$strict> {
  const whole = { kind: "a table of keys", ...wording };
  return z
    .strictObject(shape, { error: wrongType(whole) })
    .meta({ ...metaOf(whole), ...whole.hints });
}

/** A table whose keys are names that somebody chose. */
export function namedTable<Row extends z.ZodType>(
  row: Row,
  wording: Omit<Wording, "kind">,
): z.ZodRecord<z.ZodString, Row> {
  const whole = { kind: "a table of names", ...wording };
  return z
    .record(z.string(), row, { error: wrongType(whole) })
    .meta({ ...metaOf(whole), ...wording.hints });
}

/** A pattern for the JSON Schema, which sees the file before the environment was put in. */
export function patternHint(...patterns: readonly RegExp[]): { readonly pattern: string } {
  return { pattern: [...patterns.map(({ source }) => `(?:${source})`), "\\$\\{"].join("|") };
}

/** `text` as it may stand in a message. */
export function quoted(text: string): string {
  // What comes before an "@" may be a password, and no value that may be shown has one.
  if (text.includes("@")) return "the value";
  return JSON.stringify(text.length > quotedChars ? `${text.slice(0, quotedChars)}…` : text);
}

// Enough to find the value by, and a line stays a line.
const quotedChars = 60;

function metaOf({ description, example }: Wording): Record<string, unknown> {
  return { description, examples: [example] };
}

function wrongType(wording: Wording): z.core.$ZodErrorMap {
  return ({ code, input }) => {
    if (code !== "invalid_type") return;
    if (input === undefined) return `is missing; ${forExample(wording)}`;
    return isNot(wording.secret ? typeName(input) : foundKind(input), wording);
  };
}

function isNot(found: string, wording: Wording): string {
  const units = wording.units ? ` (units: ${wording.units.join(", ")})` : "";
  return `${found} is not ${wording.kind}; ${forExample(wording)}${units}`;
}

function forExample({ example }: Wording): string {
  return `write for example ${stringify(example, yamlStyle).trim()}`;
}

const yamlStyle = { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 } as const;

/** What stands there, as it may be shown. */
function foundKind(input: unknown): string {
  if (typeof input === "string") return quoted(input);
  return typeof input === "number" || typeof input === "boolean" ? String(input) : typeName(input);
}

function typeName(input: unknown): string {
  if (input === null) return "an empty value";
  if (Array.isArray(input)) return "a list";
  if (typeof input === "object") return "a table";
  return typeof input === "string" ? "text" : `a ${typeof input}`;
}
