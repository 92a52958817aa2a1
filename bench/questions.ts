import { coldBlob } from "./cold-blob.ts";
import { firstByte } from "./first-byte.ts";
import { growth } from "./growth.ts";
import { keptTraffic } from "./kept-traffic.ts";
import { largeCatalog } from "./large-catalog.ts";
import { login } from "./login.ts";
import { longLine } from "./long-line.ts";
import { memory } from "./memory.ts";
import { parallelFill } from "./parallel-fill.ts";
import { skopeo } from "./skopeo.ts";
import { stampede } from "./stampede.ts";
import type { Question } from "./support/question.ts";
import { warmBlob } from "./warm-blob.ts";
import { warmManifest } from "./warm-manifest.ts";
import { warmTls } from "./warm-tls.ts";

/** All that the bench asks, in the order in which it does. */
export const questions: readonly Question[] = [
  warmBlob,
  warmTls,
  coldBlob,
  stampede,
  longLine,
  parallelFill,
  firstByte,
  warmManifest,
  login,
  skopeo,
  memory,
  largeCatalog,
  keptTraffic,
  growth,
];
