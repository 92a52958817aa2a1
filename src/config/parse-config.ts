import type { z } from "zod";
import type { Config } from "./config.ts";
import { ConfigError } from "./config-error.ts";
import type { CertificateUse } from "./schema/certificate-use.ts";
import { standInAt } from "./schema/credential-ways.ts";
import { crossChecks, writtenSecrets } from "./schema/cross-checks.ts";
import { configJsonSchema, knownKeys } from "./schema/json-schema.ts";
import { configSchema } from "./schema/schema.ts";
import { nearestKey, unknownKey } from "./schema/unknown-key.ts";
import type { Environment } from "./yaml/environment.ts";
import { type Finding, pathText } from "./yaml/finding.ts";
import { valueAt } from "./yaml/plain-values.ts";
import { type PlacedFinding, YamlSource } from "./yaml/yaml-source.ts";

export interface ConfigText {
  readonly text: string;
  /** The file's name in problems. */
  readonly file: string;
  /** What relative paths in it are relative to; absolute. */
  readonly directory: string;
  /** What is done about files with certificates; "judged" unless it is given. */
  readonly certificates?: CertificateUse;
}

/** Makes a configuration of YAML. Rejects with ConfigError, which holds every problem there is. */
export async function parseConfig(written: ConfigText, environment: Environment): Promise<Config> {
  const source = new YamlSource(written.text);
  const syntax = source.syntaxProblems();
  if (syntax.length > 0) throw configError(written.file, syntax);

  const duplicates = source.duplicates();
  const secrets = writtenSecrets(source.value());
  const unset = source.substitute(environment, standInAt);
  const value = source.value();
  const result = await schemaOf(written).safeParseAsync(value);
  const issues = result.error?.issues ?? [];
  const schemaFindings = issues.flatMap(findingsOf);
  const found = [...schemaFindings, ...crossChecks(value), ...secrets];
  const findings = found.filter((finding) => !isMisspelt(finding, schemaFindings, value));
  const unusable = [...duplicates, ...unset];
  if (result.success && unusable.length === 0 && findings.length === 0) return result.data;

  const placed = findings.map((finding) => source.place(finding));
  // Text that lacks its variable is wrong for that reason alone.
  const own = placed.filter(({ path }) => !unset.some((problem) => problem.path === path));
  throw configError(written.file, [...unusable, ...own]);
}

function schemaOf({ directory, certificates = "judged" }: ConfigText): z.ZodType<Config> {
  return configSchema(directory, certificates);
}

/** Whether it is about a key that is there under a name which nobody knows: that says it all. */
function isMisspelt({ path }: Finding, others: readonly SchemaFinding[], root: unknown): boolean {
  if (valueAt(root, path) !== undefined) return false;
  return others.some(({ path: other, meant }) => {
    return typeof meant === "string" && pathText([...other.slice(0, -1), meant]) === pathText(path);
  });
}

interface SchemaFinding extends Finding {
  /** Of a key that nobody knows: the one that may have been meant. */
  readonly meant?: string | null;
}

function findingsOf(issue: z.core.$ZodIssue): SchemaFinding[] {
  if (issue.code === "invalid_union") return closest(issue).flatMap(findingsOf);
  const path = issue.path.map((step) => (typeof step === "number" ? step : String(step)));
  if (issue.code !== "unrecognized_keys") return [{ path, at: "value", message: issue.message }];
  const known = knownKeys(configJsonSchema(), path);
  return issue.keys.map((key) => ({
    path: [...path, key],
    at: "key",
    message: unknownKey(key, known),
    meant: nearestKey(key, known),
  }));
}

/** What is wrong by that one of several shapes which was meant, as far as it can be told. */
function closest({ errors, path }: z.core.$ZodIssueInvalidUnion): z.core.$ZodIssue[] {
  const isOther = (issues: readonly z.core.$ZodIssue[]): boolean =>
    issues.some((issue) => issue.code === "invalid_type" && issue.path.length === 0);
  const meant = errors.find((issues) => !isOther(issues)) ?? errors[0] ?? [];
  return meant.map((issue) => ({ ...issue, path: [...path, ...issue.path] }));
}

function configError(file: string, findings: readonly PlacedFinding[]): ConfigError {
  return new ConfigError(findings.toSorted(byPlace).map((finding) => ({ file, ...finding })));
}

function byPlace({ place: one }: PlacedFinding, { place: other }: PlacedFinding): number {
  return one.line - other.line || one.column - other.column;
}
