import type { Certificate } from "../../test/support/certificate.ts";
import { makeHome, type Settings, sluiceProgram } from "../../test/support/sluice-process.ts";
import { type Contestant, reachedAt, versionOf } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import { ServerProcess } from "./server-process.ts";

/** This program as an operator runs it, metrics and log on. */
export function sluice(lab: Lab, tls?: Certificate): Contestant {
  return {
    name: "sluice",
    version: () => versionOf(sluiceProgram, "--version"),
    start: (originUrl) => startSluice(lab, originUrl, { ...(tls && { tls }) }),
  };
}

export interface SluiceSettings {
  /** Of the configuration, beside the origin as its only upstream. */
  readonly settings?: Settings;
  /** Of `server`, beside its address. */
  readonly server?: Settings;
  readonly tls?: Certificate;
}

export async function startSluice(
  lab: Lab,
  originUrl: string,
  { settings, server, tls }: SluiceSettings = {},
): Promise<ServerProcess> {
  const upstreams = { "origin.test": { endpoints: [originUrl], default: true } };
  const home = await lab.keep(
    await makeHome({
      upstreams,
      ...(settings && { settings }),
      server: {
        ...server,
        ...(tls && {
          tls: { certificate: tls.certificateFile, key: tls.keyFile, http2: true },
        }),
      },
    }),
  );
  return ServerProcess.start(lab, {
    file: sluiceProgram,
    args: ["serve", "--config", home.configFile],
    at: reachedAt(home.host, tls),
    directory: home.path,
  });
}
