import { Worker } from "node:worker_threads";
import type { CatalogAnswers, CatalogQuestion, CatalogThreadData } from "./catalog-question.ts";
import { StorageError } from "./storage-error.ts";

/** Asks the catalog at `path` in a thread of its own. Rejects with StorageError if that ends without an answer. */
export function askCatalog<Kind extends CatalogQuestion["kind"]>(
  path: string,
  question: CatalogQuestion & { readonly kind: Kind },
): Promise<CatalogAnswers[Kind]> {
  const workerData: CatalogThreadData = { path, question };
  const worker = new Worker(new URL("./catalog-thread.ts", import.meta.url), { workerData });
  return new Promise((resolve, reject) => {
    worker.once("message", resolve);
    worker.once("error", reject);
    worker.once("exit", (code) => {
      // Behind a message this rejects nothing any more.
      reject(new StorageError(`${failures[question.kind]}: the thread ended with ${code}`));
    });
  });
}

const failures: Readonly<Record<CatalogQuestion["kind"], string>> = {
  victims: "what can be evicted was not found",
  pulls: "the log of pulls was not read",
  images: "the images were not listed",
};
