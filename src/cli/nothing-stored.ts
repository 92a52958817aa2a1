import { existsSync } from "node:fs";
import type { Layout } from "../storage/layout.ts";
import { CommandError } from "./command-error.ts";

/** Throws CommandError if no mirror ever ran in the directory; `source` says where it is configured. */
export function refuseWithoutCatalog({ catalogFile, directory }: Layout, source: string): void {
  if (existsSync(catalogFile)) return;
  throw new CommandError(
    `nothing is stored in ${directory}, which is the directory by ${source}: start the mirror with sluice serve, or name its configuration by --config`,
  );
}
