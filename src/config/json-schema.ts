import { z } from "zod";
import { configSchema } from "./schema.ts";

/** The part of JSON Schema 2020-12 that the configuration needs. */
export interface JsonSchema {
  readonly [keyword: string]: unknown;
  readonly properties?: Readonly<Record<string, JsonSchema>>;
  readonly additionalProperties?: JsonSchema | boolean;
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
  let table: JsonSchema | undefined = schema;
  for (const step of path) {
    const rows: JsonSchema | boolean | undefined = table?.additionalProperties;
    const row: JsonSchema | undefined = typeof rows === "object" ? rows : table?.items;
    table = table?.properties?.[String(step)] ?? row;
  }
  return Object.keys(table?.properties ?? {});
}
