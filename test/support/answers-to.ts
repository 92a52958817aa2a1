import { connect } from "node:net";

/**
 * All that comes back for these bytes until the mirror ends the connection, each byte a letter (latin1). `thenEnd` has
 * the client end its own side behind them.
 */
export async function answersTo(
  port: number,
  bytes: string,
  { thenEnd = false }: { readonly thenEnd?: boolean } = {},
): Promise<string> {
  const socket = connect(port, "127.0.0.1");
  // The mirror may reset the connection while bytes are still on their way to it.
  socket.on("error", () => {});
  if (thenEnd) socket.end(bytes, "latin1");
  else socket.write(bytes, "latin1");
  const chunks: Buffer[] = [];
  socket.on("data", (chunk) => chunks.push(chunk));
  const { promise, resolve } = Promise.withResolvers<void>();
  socket.on("close", () => resolve());
  await promise;
  return Buffer.concat(chunks).toString("latin1");
}
