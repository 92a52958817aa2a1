import { parentPort, workerData } from "node:worker_threads";
import { goBehindPulls } from "../thread-priority.ts";
import { isWhole } from "./whole-database.ts";

// Says once whether the database whose path is `workerData` is whole.
if (parentPort) goBehindPulls();
parentPort?.postMessage(isWhole(String(workerData)));
