import { makeHome, type Settings, sluiceProgram } from "../../test/support/sluice-process.ts";
import { type Contestant, versionOf } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import { ServerProcess } from "./server-process.ts";

/** This program as an operator runs it, metrics and log on. */
export function sluice(lab: Lab): Contestant {
  return {
    name: "sluice",
    version: () => versionOf(sluiceProgram, "--version"),
    start: (originUrl) => startSluice(lab, originUrl),
  };
}

export interface SluiceSettings {
  /** Of the configuration, beside the origin as its only upstream. */
  readonly settings?: Settings;
  /** Of `server`, beside its address. */
  readonly server?: Settings;
}

export async function startSluice(
  lab: Lab,
  originUrl: string,
  settings: SluiceSettings = {},
): Promise<ServerProcess> {
  const upstreams = { "origin.test": { endpoints: [originUrl], default: true } };
  const home = await lab.keep(await makeHome({ upstreams, ...settings }));
  return ServerProcess.start(lab, {
    file: sluiceProgram,
    args: ["serve", "--config", home.configFile],
    url: `http://${home.host}`,
    directory: home.path,
  });
}
