import type { Server } from "node:http";
import type { AddressInfo } from "node:net";
import { formatListenAddress, type ListenAddress } from "../config/listen-address.ts";

/** A listener that cannot be opened; the message is a sentence for an operator. */
export class ListenError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "ListenError";
  }
}

/** Opens the listener of the configuration's `key`; resolves to the address it got (for port 0). */
export async function listenOn(
  server: Server,
  address: ListenAddress,
  key: string,
): Promise<ListenAddress> {
  await listen(server, address, (code) => {
    return `cannot listen on ${formatListenAddress(address)}: ${problems[code] ?? code}, or set ${key} to another address`;
  });
  const { address: host, port } = server.address() as AddressInfo;
  return { host, port };
}

/** Opens a listener on a Unix socket. */
export async function listenOnSocket(server: Server, path: string): Promise<void> {
  await listen(server, { path }, (code) => `cannot open ${path}: ${code}`);
}

const problems: Readonly<Record<string, string>> = {
  EADDRINUSE: "another program listens there. Stop it",
  EACCES: "permission denied. Ports below 1024 need privileges; use one above",
  EADDRNOTAVAIL: "this machine has no such address. Name one that it has",
  ENOTFOUND: "the name has no address. Name one that it has",
};

function listen(
  server: Server,
  where: { host: string; port: number } | { path: string },
  sentence: (code: string) => string,
): Promise<void> {
  return new Promise((resolve, reject) => {
    const onError = (error: NodeJS.ErrnoException): void => {
      reject(new ListenError(sentence(error.code ?? error.message), { cause: error }));
    };
    server.once("error", onError);
    server.listen(where, () => {
      // What fails from now on is about one connection, and for whoever counts those.
      server.off("error", onError);
      resolve();
    });
  });
}
