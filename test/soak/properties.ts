import { glob } from "node:fs/promises";
import { fileURLToPath } from "node:url";

// Every property, many times over: minutes.
process.env["SLUICE_PROPERTY_RUNS"] ??= "20000";

const properties: string = fileURLToPath(new URL("../properties", import.meta.url));
for await (const file of glob("*.test.ts", { cwd: properties })) {
  await import(`${properties}/${file}`);
}
