import { LRUCache } from "lru-cache";
import { type Accept, parseAccept } from "../oci/accept.ts";
import { parseRoute, type Route } from "../oci/route.ts";

// Some 1 KiB each: what a cluster asks for in minutes.
const routesLimit = 5_000;

// A client has one or two lists, of up to 600 characters, and there are some tens of clients.
const acceptsLimit = 200;

// What is longer than any name with its digest, or than any list that clients are known to send, is read each time.
const lengthLimitChars = 1_000;

/** What clients write over and over, read once: the targets of requests, and lists of media types. */
export class ReadBefore {
  readonly #routes = new LRUCache<string, Route>({ max: routesLimit });
  readonly #accepts = new LRUCache<string, Accept>({ max: acceptsLimit });

  /** As `parseRoute`, and the same object for the same target as far as it is remembered. */
  route(target: string): Route {
    return this.#routes.get(target) ?? remember(this.#routes, target, parseRoute(target));
  }

  /** As `parseAccept`. */
  accept(header: string | undefined): Accept {
    if (header === undefined) return parseAccept(header);
    return this.#accepts.get(header) ?? remember(this.#accepts, header, parseAccept(header));
  }
}

function remember<T extends object>(memory: LRUCache<string, T>, text: string, read: T): T {
  if (text.length <= lengthLimitChars) memory.set(text, read);
  return read;
}
