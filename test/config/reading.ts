import type { Config } from "../../src/config/config.ts";
import { ConfigError } from "../../src/config/config-error.ts";
import { parseConfig } from "../../src/config/parse-config.ts";
import type { Environment } from "../../src/config/yaml/environment.ts";

/** The configuration that YAML means, in a file of /etc/lab. */
export function read(text: string, environment: Environment = {}): Promise<Config> {
  return parseConfig({ text, file: "mirror.config.yaml", directory: "/etc/lab" }, environment);
}

/** What is wrong with YAML, a line a problem; empty if nothing is. */
export async function problemLines(text: string, environment: Environment = {}): Promise<string[]> {
  try {
    await read(text, environment);
    return [];
  } catch (error) {
    if (error instanceof ConfigError) return error.message.split("\n");
    throw error;
  }
}

/** A template literal less the indentation of its first line. */
export function yaml(strings: TemplateStringsArray, ...values: readonly unknown[]): string {
  const text = String.raw({ raw: strings }, ...values).replace(/^\n/, "");
  const indent = /^ */.exec(text)?.[0] ?? "";
  return text.replaceAll(new RegExp(`^${indent}`, "gm"), "");
}
