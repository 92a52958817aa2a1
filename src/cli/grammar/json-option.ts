import { Option } from "commander";

/** `--json` of a command that prints what the admin API answers: an object of this schema in docs/openapi.json. */
export function jsonOption(schema: string): Option {
  return new Option("--json", `print JSON, for programs: ${schema} in docs/openapi.json`);
}

/** The same of a command that prints lines, each of them an object of this schema. */
export function jsonLinesOption(schema: string): Option {
  return new Option("--json", `print lines of JSON, for programs: ${schema} in docs/openapi.json`);
}
