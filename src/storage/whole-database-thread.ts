import { parentPort, workerData } from "node:worker_threads";
import { isWhole } from "./whole-database.ts";

// Says once whether the database whose path is `workerData` is whole.
parentPort?.postMessage(isWhole(String(workerData)));
