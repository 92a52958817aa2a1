import { configJsonSchema } from "../../config/schema/json-schema.ts";

/** `sluice config schema` */
export function printConfigSchema(): void {
  process.stdout.write(`${JSON.stringify(configJsonSchema(), null, 2)}\n`);
}
