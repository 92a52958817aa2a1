import type { AdminConfig } from "../config/config.ts";
import { formatListenAddress } from "../config/listen-address.ts";
import { isLoopbackName } from "../config/loopback.ts";
import { type Finding, ok, warn } from "./finding.ts";

/** Who reaches the admin API, and what of it: nothing where it is on loopback alone. */
export async function* checkAdmin(config: AdminConfig): AsyncGenerator<Finding> {
  const { listen, tls, metricsListen } = config;
  if (!isLoopbackName(listen.host)) {
    const shown = `the admin API listens on ${formatListenAddress(listen)}, for other machines too`;
    if (tls.length > 0) yield ok("admin", shown);
    else yield warn("admin", `${shown}, and passwords travel to it in clear`, "set admin.tls");
  }
  if (metricsListen !== null) {
    const shown = formatListenAddress(metricsListen);
    yield ok("admin", `metrics are told on ${shown}, to whoever reaches it`);
  }
}
