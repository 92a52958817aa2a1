import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import { choosePurged } from "../../eviction/choose-purged.ts";
import { chooseVictims } from "../../eviction/choose-victims.ts";
import { pinnedContent } from "../../eviction/pinned-content.ts";
import { imageSharers } from "../../images/image-sharers.ts";
import { latestMoves } from "../../images/latest-moves.ts";
import { listImages } from "../../images/list-images.ts";
import { nearImages } from "../../images/near-images.ts";
import { readPulls } from "../../images/read-pulls.ts";
import { recentImages } from "../../images/recent-images.ts";
import { storedByUpstream } from "../../images/stored-by-upstream.ts";
import { readSavings, readTraffic } from "../../statistics/read-traffic.ts";
import { goBehindPulls } from "../thread-priority.ts";
import type { CatalogAnswers, CatalogQuestion } from "./catalog-question.ts";

// The upper pages of the indexes that a walk comes back to. What is below them the operating system gives about as fast: with
// 2, 8 and 32 MiB the walks through a million blobs take the same time.
const cacheKib = 2 * 1024;

// A thread of its own, for no pull may wait for a walk through the catalog. `workerData` is the catalog's path. It answers
// one question after the other, and ends when it is sent none.
if (parentPort) serve(parentPort, String(workerData));

function serve(port: MessagePort, path: string): void {
  goBehindPulls();
  port.on("message", (question: CatalogQuestion | null) => {
    if (question === null) return port.close();
    const database = new Database(path, { readonly: true, timeout: 5_000 });
    try {
      database.pragma(`cache_size = -${cacheKib}`);
      const answer = answerTo(database, question);
      port.postMessage(answer, arraysIn(answer));
    } finally {
      database.close();
    }
  });
}

function answerTo(
  database: Database.Database,
  question: CatalogQuestion,
): CatalogAnswers[keyof CatalogAnswers] {
  switch (question.kind) {
    case "victims":
      return chooseVictims(database, question.request);
    case "pulls":
      return readPulls(database, question.sinceMs);
    case "purge":
      return choosePurged(database, question.patterns);
    case "pinned":
      return pinnedContent(database, question.patterns);
    case "images":
      return listImages(database, question.request);
    case "near":
      return nearImages(database, question.wanted);
    case "sharers":
      return imageSharers(database, question.shared);
    case "recent":
      return recentImages(database, question.sinceMs);
    case "traffic":
      return readTraffic(database, question);
    case "savings":
      return readSavings(database, question.request, question.pending);
    case "moves":
      return latestMoves(database, question.limit);
    case "upstreams":
      return storedByUpstream(database);
  }
}

/** Flat arrays go over without a copy. */
function arraysIn(answer: object): ArrayBuffer[] {
  return Object.values(answer).flatMap((value) =>
    ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  );
}
