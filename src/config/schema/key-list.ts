import { stringify } from "yaml";
import { configJsonSchema, type JsonSchema } from "./json-schema.ts";

/** A key of the configuration file as its definition explains it. */
export interface ExplainedKey {
  /** Such as `upstreams.HOST.endpoints`, or `freshness.rules[].ttl`. */
  readonly path: string;
  readonly description: string;
  /** As it would be written; null where there is none. */
  readonly byDefault: string | null;
  /** As it could be written; null for a table, whose keys say that. */
  readonly example: string | null;
}

/** Every key and table there is, in the order of the definition. */
export function explainedKeys(): readonly ExplainedKey[] {
  return below(configJsonSchema(), "");
}

function below(schema: JsonSchema, path: string): ExplainedKey[] {
  const keys = Object.entries(schema.properties ?? {});
  const rows = schema.additionalProperties;
  return [
    ...keys.flatMap(([key, value]) => explained(value, path === "" ? key : `${path}.${key}`)),
    // Tables whose keys are names have hosts for names.
    ...(typeof rows === "object" ? explained(rows, `${path}.HOST`) : []),
    ...itemsOf(schema).flatMap((item) => below(item, `${path}[]`)),
    ...oneOf(schema).flatMap((one) => below(one, path)),
  ];
}

function explained(schema: JsonSchema, path: string): ExplainedKey[] {
  const inner = below(schema, path);
  const isTable = "properties" in schema || typeof schema.additionalProperties === "object";
  const [example] = listOf(schema["examples"]);
  const key = {
    path,
    description: String(schema["description"] ?? ""),
    byDefault: isTable || schema["default"] === undefined ? null : written(schema["default"]),
    example: isTable || example === undefined ? null : written(example),
  };
  return [key, ...inner];
}

/** What the items of a list are, if they are tables. */
function itemsOf({ items }: JsonSchema): readonly JsonSchema[] {
  return isSchema(items) && "properties" in items ? [items] : [];
}

/** The ways to write a value that are tables: a list of such is the same again. */
function oneOf({ anyOf }: JsonSchema): readonly JsonSchema[] {
  return listOf(anyOf)
    .filter(isSchema)
    .filter((one) => "properties" in one);
}

function isSchema(value: unknown): value is JsonSchema {
  return typeof value === "object" && value !== null;
}

function listOf(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

function written(value: unknown): string {
  const style = { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 } as const;
  return stringify(value, style).trim();
}
