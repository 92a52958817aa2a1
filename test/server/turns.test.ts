import assert from "node:assert/strict";
import { once } from "node:events";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import { type AddressInfo, connect, type Socket } from "node:net";
import { test } from "node:test";
import { BodyWriter, ClientGone } from "../../src/server/body-writer.ts";
import { Turns } from "../../src/server/turns.ts";
import { eventually } from "../support/eventually.ts";

// More than the kernel takes of a connection that nobody reads.
const unread = Buffer.alloc(32 * 1024 * 1024);

// Such an answer has no socket yet, which is what was to be reset: it would have waited for as long as its client did.
test("an answer whose turn does not come, for nobody reads the one before, is ended with its connection", async () => {
  let hadItsTurn = true;
  let error: unknown = null;
  await using connection = await connectionTo((request, response) => {
    if (request.url === "/before") {
      response.writeHead(200, { "content-length": unread.length }).end(unread);
      connection.socket.write("GET /next HTTP/1.1\r\nHost: x\r\n\r\n");
    } else {
      hadItsTurn = response.socket !== null;
      void writeTo(response).catch((reason: unknown) => {
        error = reason;
      });
    }
  });

  connection.socket.write("GET /before HTTP/1.1\r\nHost: x\r\n\r\n");
  await eventually("it is ended", () => error !== null);

  assert.equal(hadItsTurn, false);
  assert.deepEqual(error, new ClientGone("the client took nothing for 0.05 seconds"));
});

async function writeTo(response: ServerResponse): Promise<void> {
  using writer = new BodyWriter(response, 50);
  await writer.sendFrame(Buffer.alloc(10));
}

interface Connection extends AsyncDisposable {
  /** The client's end, which reads nothing. */
  readonly socket: Socket;
}

/** To a server that takes its requests in turns. */
async function connectionTo(
  answer: (request: IncomingMessage, response: ServerResponse) => void,
): Promise<Connection> {
  const turns = new Turns();
  const server = createServer((request, response) =>
    turns.take(request.socket, response, () => answer(request, response)),
  ).listen(0, "127.0.0.1");
  await once(server, "listening");
  const socket = connect((server.address() as AddressInfo).port, "127.0.0.1");
  socket.on("error", () => {}).pause();
  await once(socket, "connect");
  return {
    socket,
    [Symbol.asyncDispose]: async () => {
      socket.destroy();
      server.closeAllConnections();
      server.close();
      await once(server, "close");
    },
  };
}
