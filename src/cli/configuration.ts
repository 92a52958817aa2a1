import { type LoadedConfig, loadConfig } from "../config/load-config.ts";
import type { CommandOptions } from "./command-options.ts";

/** The configuration that a command goes by. Rejects with ConfigError if it cannot be used. */
export function configurationOf({ config: file }: CommandOptions): Promise<LoadedConfig> {
  return loadConfig({ file, env: process.env, cwd: process.cwd() });
}
