import { dirname, relative, resolve } from "node:path";
import type { Config } from "./config.ts";
import { ConfigError } from "./config-error.ts";
import { readBoundedFile } from "./files/bounded-file.ts";
import { type ConfigText, parseConfig } from "./parse-config.ts";
import type { CertificateUse } from "./schema/certificate-use.ts";
import type { Environment } from "./yaml/environment.ts";

export interface LoadOptions {
  /** The file that `--config` names. */
  readonly file?: string | undefined;
  readonly env: Environment;
  /** Absolute; what relative file names are relative to. */
  readonly cwd: string;
  /** As ConfigText has it; "judged" unless it is given. */
  readonly certificates?: CertificateUse;
  /** The source of what a running mirror goes by, if one runs: that file empty or gone is a mistake then, and no default. */
  readonly inEffect?: string;
}

export interface LoadedConfig {
  readonly config: Config;
  /** The file's absolute path, or `builtInDefaults`. */
  readonly source: string;
}

const builtInDefaults = "built-in defaults";

/**
 * Finds, reads and checks the configuration. Rejects with ConfigError when it cannot be used, and with
 * nothing else that an operator can cause.
 */
export async function loadConfig(options: LoadOptions): Promise<LoadedConfig> {
  const { certificates = "judged" } = options;
  const found = await readFirst(candidates(options), options.cwd);
  if (found && options.inEffect !== undefined) assertWritten(found);
  if (found) {
    const config = await parseConfig({ ...found, certificates }, options.env);
    return { config, source: found.path };
  }
  const nothing = { text: "", file: builtInDefaults, directory: options.cwd };
  return { config: await parseConfig(nothing, options.env), source: builtInDefaults };
}

interface Candidate {
  readonly path: string;
  /** Who says that there is such a file; null if it is only a usual place. */
  readonly named: string | null;
}

function candidates({ file, env, cwd, inEffect = builtInDefaults }: LoadOptions): Candidate[] {
  if (file !== undefined) return [{ path: resolve(cwd, file), named: "that --config names" }];
  const variable = env["SLUICE_CONFIG"];
  if (variable) return [{ path: resolve(cwd, variable), named: "that $SLUICE_CONFIG names" }];
  if (inEffect !== builtInDefaults) return [{ path: inEffect, named: "of this mirror" }];
  return [
    { path: resolve(cwd, "mirror.config.yaml"), named: null },
    { path: "/etc/sluice/mirror.config.yaml", named: null },
  ];
}

// Ten thousand upstreams fit into it.
const limitBytes = 1024 * 1024;

async function readFirst(
  places: readonly Candidate[],
  cwd: string,
): Promise<(ConfigText & { readonly path: string }) | null> {
  for (const { path, named } of places) {
    const file = shownPath(path, cwd);
    const content = await readBoundedFile(path, limitBytes);
    if (content.kind === "text")
      return { text: content.text, file, directory: dirname(path), path };
    if (content.kind === "missing" && named === null) continue;
    const message = `the configuration file${named ? ` ${named}` : ""} ${content.problem}`;
    throw new ConfigError([{ file, place: null, path: "", message }]);
  }
  return null;
}

/** Throws where nothing is in it: a file that is being written begins so, and would take all upstreams away. */
function assertWritten({ file, text }: ConfigText): void {
  if (text.trim() !== "") return;
  const message =
    "the configuration file is empty, as one is that is being written; write another one and rename it, or restart for the defaults";
  throw new ConfigError([{ file, place: null, path: "", message }]);
}

// Relative to the working directory if it lies there, as people write it; below / that would only
// take the first slash away.
function shownPath(path: string, cwd: string): string {
  const below = relative(cwd, path);
  return cwd === "/" || below === "" || below.startsWith("..") ? path : below;
}
