// How do pulls, memory, starts and choices of victims grow, with what is in the catalog and with the clients?

import { type PlacedMany, placeMany, pullMany, verifyMany } from "./support/placed-many.ts";
import type { Bench, Curve, Question } from "./support/question.ts";
import type { ServerProcess } from "./support/server-process.ts";
import { startSluice } from "./support/sluice.ts";
import { filesAreCompared, startOnStore } from "./support/started-on-store.ts";
import { roundsOf, withRounds } from "./support/turns.ts";
import { type Aim, aimFor, chooseVictims } from "./support/victims.ts";

// From a thousand to a million, n log n comes to n^1.1.
const asNLogN = 1.1;
// A factor of 1.4 from a thousand to a million: what noise makes of what stays as it is.
const flat = 0.05;

const catalog = "blobs in the catalog";
const byBlobs = {
  manifest: pullCurve("warm manifest by blobs", catalog),
  blob: pullCurve("warm 16 KiB by blobs", catalog),
  resident: memoryCurve("memory by blobs", catalog),
  start: timeCurve("start to ready by blobs", catalog),
  chosen: timeCurve("200 chosen by blobs", catalog),
} as const;
const byClients = {
  manifest: pullCurve("warm manifest by clients", "clients"),
  blob: pullCurve("warm 16 KiB by clients", "clients"),
  resident: memoryCurve("memory by clients", "clients"),
} as const;

export const growth: Question = {
  name: "growth",
  rows: [],
  curves: [...Object.values(byBlobs), ...Object.values(byClients)],
  play,
};

async function play(bench: Bench): Promise<void> {
  const many = await placeMany(bench);
  // What is looked for is a slope over decades: half as many rounds will do.
  const fewer = withRounds(bench, Math.ceil(bench.size.coldRounds / 2), 0);
  await withBlobs(fewer, many);
  await withClients(fewer, many);
}

/** Stores of all sizes are there at once and take turns, so that a machine that slows down bends no curve. */
async function withBlobs(bench: Bench, many: PlacedMany): Promise<void> {
  const { board, size, lab } = bench;
  const stores = await makeStores(bench);
  const start = async ({ blobs, directory }: Store): Promise<ServerProcess> => {
    const startMs = performance.now();
    const server = await startOnStore(bench, directory);
    board.addPoint(byBlobs.start.label, blobs, performance.now() - startMs);
    return server;
  };
  for (let round = 1; round < size.rounds; round += 1) {
    for (const store of stores) {
      await using _server = await start(store);
    }
  }
  await using running = new AsyncDisposableStack();
  const scenes: Scene[] = [];
  for (const store of stores) {
    const server = running.use(await start(store));
    await verifyMany(lab, server, many);
    await filesAreCompared(server, lab.signal);
    const toBytes = await aimFor(store.controlSocket, { victims, blobs: store.blobs }, lab.signal);
    scenes.push({ ...store, server, toBytes, victims });
  }
  for (const _ of roundsOf(size))
    for (const scene of scenes) await measureStore(bench, scene, many);
  for (const { server } of scenes) await verifyMany(lab, server, many);
}

// A few images: of a thousand blobs no more could go.
const victims = 200;

interface Store {
  readonly blobs: number;
  readonly directory: string;
  readonly controlSocket: string;
}

interface Scene extends Store, Aim {
  readonly server: ServerProcess;
}

async function makeStores({ largeStores, size }: Bench): Promise<readonly Store[]> {
  const stores: Store[] = [];
  for (const blobs of size.growth.blobs) {
    const { directory, controlSocket } = await largeStores.withBlobs(blobs);
    stores.push({ blobs, directory, controlSocket });
  }
  return stores;
}

async function measureStore(bench: Bench, scene: Scene, many: PlacedMany): Promise<void> {
  const { board, lab } = bench;
  const { blobs } = scene;
  const pulls = await pullMany(bench, scene.server, { many, connections: 32 });
  board.addPoint(byBlobs.manifest.label, blobs, pulls.manifestMicros);
  board.addPoint(byBlobs.blob.label, blobs, pulls.blobMicros);
  board.addPoint(byBlobs.resident.label, blobs, pulls.residentMebibytes);
  board.addPoint(byBlobs.chosen.label, blobs, await chooseVictims(scene, lab.signal));
}

async function withClients(bench: Bench, many: PlacedMany): Promise<void> {
  const { board, size, lab, origin } = bench;
  const most = Math.max(...size.growth.clients);
  // Twice as many, for wrk is still leaving when the next one comes.
  const server = { maxConnections: 2 * most };
  await using sluice = await startSluice(lab, origin.url, { server });
  await verifyMany(lab, sluice, many);
  for (const _ of roundsOf(size)) {
    for (const clients of size.growth.clients) {
      const pulls = await pullMany(bench, sluice, { many, connections: clients });
      board.addPoint(byClients.manifest.label, clients, pulls.manifestMicros);
      board.addPoint(byClients.blob.label, clients, pulls.blobMicros);
      board.addPoint(byClients.resident.label, clients, pulls.residentMebibytes);
    }
  }
  await verifyMany(lab, sluice, many);
}

/** Of the time between two answers, whoever gets them: what a pull costs when as many are answered as can be. */
function pullCurve(label: string, over: string): Curve {
  return { label, over, unit: "µs", decimals: 1, mostExponent: flat };
}

function memoryCurve(label: string, over: string): Curve {
  return { label, over, unit: "MiB", decimals: 0, mostExponent: asNLogN };
}

function timeCurve(label: string, over: string): Curve {
  return { label, over, unit: "ms", decimals: 1, mostExponent: asNLogN };
}
