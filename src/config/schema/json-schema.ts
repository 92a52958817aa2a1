import { z } from "zod";
import { configSchema } from "./schema.ts";

/** The part of JSON Schema 2020-12 that the configuration needs. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
  readonly anyOf?: readonly JsonSchema[];
  readonly items?: JsonSchema;
}

/** The schema of the file for editors, before the environment is put in. */
export function configJsonSchema(): JsonSchema {
  const schema = z.toJSONSchema(configSchema("/"), {
    io: "input",
    // zod leaves examples out wherever the value that comes out differs from what is written.
    override: ({ zodSchema, jsonSchema }) => {
      const examples = z.globalRegistry.get(zodSchema)?.["examples"];
      if (examples) jsonSchema.examples = examples as unknown[];
    },
  });
  return { ...schema, title: "sluice" } as JsonSchema;
}

/** The keys that the table at `path` may have; none if it is no such table. */
export function knownKeys(schema: JsonSchema, path: readonly PropertyKey[]): readonly string[] {
  let shapes: readonly JsonSchema[] = [schema];
  for (const step of path)
    shapes = shapes.flatMap(shapesOf).flatMap((shape) => within(shape, step));
  return shapes.flatMap(shapesOf).flatMap(({ properties = {} }) => Object.keys(properties));
}

/** What may stand in one place: the schema itself, or each of those that it lets choose from. */
function shapesOf(schema: JsonSchema): readonly JsonSchema[] {
  return [schema, ...(schema.anyOf ?? [])];
}

function within(
  { properties, additionalProperties, items }: JsonSchema,
  step: PropertyKey,
): JsonSchema[] {
  if (typeof step === "number") return items ? [items] : [];
  const rows = typeof additionalProperties === "object" ? additionalProperties : undefined;
  const inner = properties?.[String(step)] ?? rows;
  return inner ? [inner] : [];
}
