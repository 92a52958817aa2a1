import type Database from "better-sqlite3";
import { addPackedTraffic, unpackNetworkTraffic } from "./packed-traffic.ts";
import {
  type NetworkRow,
  type SavingsReport,
  type SavingsRequest,
  savingsReportOf,
} from "./savings-report.ts";
import { addTraffic } from "./traffic.ts";
import type { MinuteTraffic } from "./traffic-meter.ts";
import { reportOf, type TrafficReport, type TrafficRow } from "./traffic-report.ts";
import {
  nameOfRow,
  type TrafficUnit,
  timeOfRow,
  trafficRowId,
  trafficUnits,
} from "./traffic-rows.ts";
import { dayMs, hourMs, minuteMs, type TrafficWindow } from "./traffic-window.ts";

/** What is asked about traffic; `pending` is what is not written yet. */
export interface TrafficQuestion {
  readonly window: TrafficWindow;
  readonly pending: readonly MinuteTraffic[];
}

/** What happened in a window. */
export function readTraffic(
  database: Database.Database,
  { window, pending }: TrafficQuestion,
): TrafficReport {
  return reportOf(window, upstreamRows(database, { window, pending }));
}

/** What was saved in a window, by upstream or by network. */
export function readSavings(
  database: Database.Database,
  request: SavingsRequest,
  pending: readonly MinuteTraffic[],
): SavingsReport {
  const { window } = request;
  return savingsReportOf(request, {
    upstreams: upstreamRows(database, { window, pending }),
    networks: request.by === "network" ? networkRows(database, { window, pending }) : [],
  });
}

function* upstreamRows(
  database: Database.Database,
  { window, pending }: TrafficQuestion,
): Generator<TrafficRow> {
  const names = namesIn(database);
  const { days, hours, minutes } = trafficUnits;
  const unit = unitFor(window, { days, hours, minutes });
  for (const { id, packed } of rowsIn(database, unit, window)) {
    const upstream = names.get(nameOfRow(id)) ?? "unknown";
    yield { atMs: timeOfRow(unit, id), upstream, addTo: (sum) => addPackedTraffic(sum, packed) };
  }
  for (const { minute, upstreams } of pending) {
    const atMs = minute * minuteMs;
    for (const [upstream, traffic] of upstreams) {
      yield { atMs, upstream, addTo: (sum) => addTraffic(sum, traffic) };
    }
  }
}

function* networkRows(
  database: Database.Database,
  { window, pending }: TrafficQuestion,
): Generator<NetworkRow> {
  const names = namesIn(database);
  const { networkDays, networkHours } = trafficUnits;
  const unit = unitFor(window, { days: networkDays, hours: networkHours, minutes: networkHours });
  for (const { id, packed } of rowsIn(database, unit, window)) {
    const network = names.get(nameOfRow(id)) ?? "unknown";
    yield { atMs: timeOfRow(unit, id), network, traffic: unpackNetworkTraffic(packed) };
  }
  for (const { minute, networks } of pending) {
    const atMs = minute * minuteMs;
    for (const [network, traffic] of networks) yield { atMs, network, traffic };
  }
}

/** The longest that makes up the steps. */
function unitFor(
  { stepMs }: TrafficWindow,
  units: Readonly<Record<"days" | "hours" | "minutes", TrafficUnit>>,
): TrafficUnit {
  if (stepMs % dayMs === 0) return units.days;
  return stepMs % hourMs === 0 ? units.hours : units.minutes;
}

function rowsIn(
  database: Database.Database,
  unit: TrafficUnit,
  { fromMs, toMs }: TrafficWindow,
): { readonly id: number; readonly packed: Buffer }[] {
  return database
    .prepare<[number, number], { id: number; packed: Buffer }>(
      "SELECT id, packed FROM traffic WHERE id >= ? AND id < ?",
    )
    .all(trafficRowId(unit, fromMs, 0), trafficRowId(unit, toMs, 0));
}

function namesIn(database: Database.Database): Map<number, string> {
  const rows = database
    .prepare<[], { id: number; name: string }>("SELECT id, name FROM traffic_names")
    .all();
  return new Map(rows.map(({ id, name }) => [id, name]));
}
