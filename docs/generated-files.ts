import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { pino } from "pino";
import { createAdminApi } from "../src/admin/admin.ts";
import { described } from "../src/cli/described.ts";
import { buildProgram } from "../src/cli/program.ts";
import { version } from "../src/cli/version.ts";
import { loadConfig } from "../src/config/load-config.ts";
import { configJsonSchema } from "../src/config/schema/json-schema.ts";
import { explainedKeys } from "../src/config/schema/key-list.ts";
import { openMirror } from "../src/wiring/open-mirror.ts";
import { commandReference } from "./command-reference.ts";
import { configReference } from "./config-reference.ts";
import { logReference } from "./log-reference.ts";
import { manPage } from "./man-page.ts";

/** The files of this directory that follow from definitions in `src/`: name and content of each. */
export async function generatedFiles(): Promise<readonly (readonly [string, string])[]> {
  const program = described(buildProgram());
  return [
    ["commands.md", commandReference(program)],
    ["configuration.md", configReference(explainedKeys())],
    ["log.md", logReference()],
    ["sluice.1", manPage(program, version)],
    ["sluice.schema.json", json(configJsonSchema())],
    ["openapi.json", json(await openApi())],
  ];
}

/** As the control socket has it: that one has every route. */
async function openApi(): Promise<unknown> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await mkdtempDisposable(join(tmpdir(), "sluice-docs-")));
  const { config } = await loadConfig({ file: "/dev/null", env: {}, cwd: path });
  const options = {
    config: { ...config, storage: { ...config.storage, directory: path } },
    version,
    log: pino({ level: "silent" }),
    env: {},
    now: Date.now,
    monotonicMs: () => performance.now(),
  };
  const opened = await openMirror(stack, options);
  const access = { kind: "own", by: "the control socket" } as const;
  const api = createAdminApi({ ...opened, ...options, startedAtMs: null }, access);
  return await (await api.request("/api/v1/openapi.json")).json();
}

function json(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}
