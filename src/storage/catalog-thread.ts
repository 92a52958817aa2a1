import { parentPort, workerData } from "node:worker_threads";
import Database from "better-sqlite3";
import type { CatalogAnswers, CatalogQuestion, CatalogThreadData } from "./catalog-question.ts";
import { chooseVictims } from "./choose-victims.ts";
import { listImages } from "./list-images.ts";
import { readPulls } from "./read-pulls.ts";

// A thread of its own, for no pull may wait for a walk through the catalog. It answers once and ends.
if (parentPort) {
  const { path, question } = workerData as CatalogThreadData;
  const database = new Database(path, { readonly: true, timeout: 5_000 });
  try {
    const answer = answerTo(database, question);
    parentPort.postMessage(answer, arraysIn(answer));
  } finally {
    database.close();
  }
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
    case "images":
      return listImages(database, question.request);
  }
}

/** Flat arrays go over without a copy. */
function arraysIn(answer: object): ArrayBuffer[] {
  return Object.values(answer).flatMap((value) =>
    ArrayBuffer.isView(value) && value.buffer instanceof ArrayBuffer ? [value.buffer] : [],
  );
}
