// Writes what is generated from the program's own definitions: the reference, the schemas.
import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import { generatedFiles } from "./generated-files.ts";

for (const [name, content] of await generatedFiles()) {
  await writeFile(join(import.meta.dirname, name), content);
}
