import { createHash } from "node:crypto";
import { once } from "node:events";
import { readFile } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { connect } from "node:http2";
import { request } from "node:https";
import type { Readable } from "node:stream";
import { eventually } from "./eventually.ts";

/** A server with TLS, and what is to be believed of it. */
export interface TlsServer {
  readonly url: string;
  readonly caFile: string;
}

/** The body of an answer over TLS while it comes. Disposing of it closes the connection. */
export class ArrivingBody implements Disposable {
  readonly #body: Readable;
  readonly #close: () => void;
  readonly #hash = createHash("sha256");
  #bytes = 0;

  private constructor(body: Readable, close: () => void) {
    this.#body = body;
    this.#close = close;
    body.on("data", (chunk: Buffer) => {
      this.#bytes += chunk.length;
      this.#hash.update(chunk);
    });
  }

  static async byHttp1({ url, caFile }: TlsServer, path: string): Promise<ArrivingBody> {
    const asked = request(`${url}${path}`, { ca: await readFile(caFile), agent: false }).end();
    const [answer] = (await once(asked, "response")) as [IncomingMessage];
    return new ArrivingBody(answer, () => asked.destroy());
  }

  static async byHttp2({ url, caFile }: TlsServer, path: string): Promise<ArrivingBody> {
    const session = connect(url, { ca: await readFile(caFile) });
    const stream = session.request({ ":path": path });
    await once(stream, "response");
    return new ArrivingBody(stream, () => session.destroy());
  }

  /** Waits until so much is here; resolves to how much it is then. */
  async atLeast(bytes: number): Promise<number> {
    return eventually(`${bytes} bytes of the body`, () => this.#bytes >= bytes && this.#bytes);
  }

  /** Waits for the end. */
  async digest(): Promise<string> {
    if (!this.#body.readableEnded) await once(this.#body, "end");
    return `sha256:${this.#hash.digest("hex")}`;
  }

  [Symbol.dispose](): void {
    this.#close();
  }
}
