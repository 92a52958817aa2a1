import type { Answerer } from "../../upstream/answers.ts";
import type { Batch } from "../../upstream/exchange/batch.ts";

/** The bytes of a blob on their way, in their order, whatever connections they come over. Disposing ends what still comes. */
export interface IncomingBlob extends Disposable {
  /** Who sent what has come until now. */
  readonly answerers: ReadonlySet<Answerer>;
  /** The next bytes, or null at the end. Rejects with UpstreamError. */
  next(): Promise<Batch | null>;
}
