import { once } from "node:events";
import { createServer } from "node:net";

// Below those that the system gives to whoever asks for any (on Linux from 32768 on): nobody is given it meanwhile.
const firstPort = 10_000;
const lastPort = 32_000;

// In this process: whoever asks for two would have them both be one, once in some thousand times.
const given = new Set<number>();

/**
 * A loopback port that nothing listens on, another one each time, for a program that must be told its port, or a server that
 * is to come back to its own. Somebody else may take it before: whoever starts a program tries again with another.
 */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = firstPort + Math.floor(Math.random() * (lastPort - firstPort));
    if (given.has(port)) continue;
    given.add(port);
    if (await isFree(port)) return port;
  }
}

async function isFree(port: number): Promise<boolean> {
  await using server = createServer().listen(port, "127.0.0.1");
  try {
    await once(server, "listening");
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EADDRINUSE") return false;
    throw error;
  }
}
