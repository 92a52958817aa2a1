import type { Config } from "../config/config.ts";
import { isLoopbackName } from "../config/loopback.ts";
import { ClientConfigError } from "./client-config-error.ts";

/** Where clients reach the mirror, as far as its configuration tells. */
export interface AssumedAddress {
  readonly address: URL;
  /** What was assumed, or holds for some clients only; null: nothing. */
  readonly note: string | null;
}

/**
 * The address to be taken where none is named: a name that the upstream says clients use, if one is meant; else what the
 * mirror listens on; where that is every interface, this machine's name. Throws ClientConfigError if there is none.
 */
export function assumedAddress(
  { server, upstreams }: Config,
  machine: string,
  meant: string | null,
): AssumedAddress {
  const { host, port } = server.listen;
  const scheme = server.tls.length === 0 ? "http" : "https";
  const urlOf = (authority: string): URL => new URL(`${scheme}://${authority}`);
  const [named] = upstreams.find(({ name }) => name === meant)?.hosts ?? [];
  if (port === 0 && !named?.includes(":")) {
    throw new ClientConfigError(
      "server.listen leaves the port to the system; name the mirror's address by --address",
    );
  }
  if (named !== undefined) return { address: urlOf(withPort(named, port)), note: null };
  if (["", "0.0.0.0", "::"].includes(host)) {
    const note = `it is assumed that clients reach this machine as ${machine}; if not, name its address by --address`;
    return { address: urlOf(withPort(machine, port)), note };
  }
  const address = urlOf(withPort(host.includes(":") ? `[${host}]` : host, port));
  return {
    address,
    note: isLoopbackName(host)
      ? "the mirror listens on loopback only: this is for clients on the same machine"
      : null,
  };
}

function withPort(host: string, port: number): string {
  return /:\d+$/.test(host) ? host : `${host}:${port}`;
}
