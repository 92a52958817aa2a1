import type { Server } from "node:http";

// Connections that are kept alive end soon after their last answer.
const idlePollMs = 50;

/** Takes no more connections; resolves when those that are answered now have had their answer, or `signal` says to cut. */
export async function drain(server: Server, signal: AbortSignal): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  const poll = setInterval(() => server.closeIdleConnections(), idlePollMs);
  const cut = (): void => server.closeAllConnections();
  signal.addEventListener("abort", cut);
  try {
    if (signal.aborted) cut();
    await closed;
  } finally {
    clearInterval(poll);
    signal.removeEventListener("abort", cut);
  }
}

/** Ends a server and its connections at once. */
export async function closeNow(server: Server): Promise<void> {
  const { promise: closed, resolve } = Promise.withResolvers<void>();
  server.close(() => resolve());
  server.closeAllConnections();
  await closed;
}
