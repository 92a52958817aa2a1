import { readFile } from "node:fs/promises";
import { z } from "zod";

/**
 * The schemas of docs/openapi.json by name, each taken strictly: what a program is not told of must not be there either.
 * The document itself allows more, so that later versions may add.
 */
export async function strictApiSchemas(): Promise<ReadonlyMap<string, z.ZodType>> {
  const text = await readFile(new URL("../../docs/openapi.json", import.meta.url), "utf8");
  const own = text.replaceAll("#/components/schemas/", "#/definitions/");
  const { components } = JSON.parse(own, (_key, value) => closed(value));
  const definitions: Record<string, object> = components.schemas;
  const named = (name: string): z.ZodType =>
    z.fromJSONSchema(
      { $ref: `#/definitions/${name}`, definitions },
      { defaultTarget: "openapi-3.0" },
    );
  return new Map(Object.keys(definitions).map((name) => [name, named(name)]));
}

/** A schema of an object that has no other properties than those it names. */
function closed(value: unknown): unknown {
  const isObject = typeof value === "object" && value !== null && "properties" in value;
  return isObject && "type" in value && value.type === "object"
    ? { ...value, additionalProperties: false }
    : value;
}
