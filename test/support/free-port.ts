import { createServer } from "node:net";

/**
 * A loopback port that nothing listens on, for a program that must be told its port. Somebody else may take
 * it before the program does: whoever starts one tries again with another.
 */
export async function freePort(): Promise<number> {
  const server = createServer();
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  server.once("error", reject).listen(0, "127.0.0.1", resolve);
  await promise;
  const address = server.address();
  await server[Symbol.asyncDispose]();
  if (typeof address === "object" && address) return address.port;
  throw new Error("a TCP server has no port");
}
