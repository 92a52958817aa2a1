import type { JsonSchema } from "../../src/config/schema/json-schema.ts";

type Check = (schema: JsonSchema, value: unknown) => boolean;

/**
 * Whether a value conforms to a JSON Schema, by the keywords that ours has. Throws for a keyword it does
 * not know, so that none is passed over in silence.
 */
export function conforms(schema: JsonSchema, value: unknown): boolean {
  return Object.keys(schema).every((keyword) => {
    if (annotations.includes(keyword)) return true;
    const check = checks[keyword];
    if (!check) throw new Error(`${keyword} is not supported here`);
    return check(schema, value);
  });
}

const annotations: readonly string[] = ["$schema", "title", "description", "default", "examples"];

const checks: Readonly<Record<string, Check>> = {
  type: ({ type }, value) =>
    type === "integer" ? Number.isInteger(value) : type === typeOf(value),
  minimum: ({ minimum }, value) => typeof value !== "number" || value >= Number(minimum),
  maximum: ({ maximum }, value) => typeof value !== "number" || value <= Number(maximum),
  const: (schema, value) => schema["const"] === value,
  enum: (schema, value) => (schema["enum"] as unknown[]).includes(value),
  anyOf: (schema, value) =>
    (schema["anyOf"] as JsonSchema[]).some((option) => conforms(option, value)),
  pattern: ({ pattern }, value) =>
    typeof value !== "string" || new RegExp(String(pattern), "u").test(value),
  minLength: ({ minLength }, value) =>
    typeof value !== "string" || value.length >= Number(minLength),
  minItems: ({ minItems }, value) => !Array.isArray(value) || value.length >= Number(minItems),
  maxItems: ({ maxItems }, value) => !Array.isArray(value) || value.length <= Number(maxItems),
  items: ({ items }, value) =>
    !Array.isArray(value) || value.every((item) => conforms(items as JsonSchema, item)),
  minProperties: ({ minProperties }, value) =>
    typeOf(value) !== "object" || entriesOf(value).length >= Number(minProperties),
  required: ({ required }, value) =>
    typeOf(value) !== "object" ||
    (required as string[]).every((key) => entriesOf(value).some(([name]) => name === key)),
  propertyNames: ({ propertyNames }, value) =>
    entriesOf(value).every(([name]) => conforms(propertyNames as JsonSchema, name)),
  properties: ({ properties = {} }, value) =>
    entriesOf(value).every(([name, item]) => {
      const schema = properties[name];
      return !schema || conforms(schema, item);
    }),
  additionalProperties: ({ properties = {}, additionalProperties }, value) =>
    entriesOf(value)
      .filter(([name]) => !Object.hasOwn(properties, name))
      .every(([, item]) =>
        typeof additionalProperties === "object"
          ? conforms(additionalProperties, item)
          : additionalProperties !== false,
      ),
};

function typeOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}

function entriesOf(value: unknown): [string, unknown][] {
  return typeOf(value) === "object" ? Object.entries(value as object) : [];
}
