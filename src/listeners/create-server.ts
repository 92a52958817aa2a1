import type { RequestListener, Server, ServerOptions } from "node:http";

/** Makes a server, not yet listening: as `createServer` of `node:http`. */
export type CreateServer = (options: ServerOptions, listener: RequestListener) => Server;
