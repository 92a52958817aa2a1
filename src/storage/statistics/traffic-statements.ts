import type Database from "better-sqlite3";
import {
  addPackedTraffic,
  packNetworkTraffic,
  packTraffic,
  unpackNetworkTraffic,
} from "./packed-traffic.ts";
import { addTraffic, noTraffic, type Traffic } from "./traffic.ts";
import {
  addNetworkTraffic,
  type MinuteTraffic,
  type NetworkTraffic,
  otherNetworks,
} from "./traffic-meter.ts";
import { namesLimit, type TrafficUnit, trafficRowId, trafficUnits } from "./traffic-rows.ts";
import { dayMs, minuteMs } from "./traffic-window.ts";

/** What is written of traffic at a time. */
export interface TrafficRecord {
  /** Added to what is there of these minutes. */
  readonly minutes: readonly MinuteTraffic[];
  /** What all traffic may take; beyond it the oldest goes, minutes first. */
  readonly limitBytes: number;
  readonly nowMs: number;
}

const { days, hours, minutes, networkDays, networkHours } = trafficUnits;

// In the order in which they are given up: what tells least of what was long ago goes first.
const dispensable: readonly TrafficUnit[] = [minutes, networkHours, hours, networkDays, days];

// In an hour and in a day; what is beyond counts as other. A meter tells so many apart in a minute.
const networksLimit = 256;

/** The writes of traffic: each row is read, added to and written back, a dozen every few seconds. */
export class TrafficStatements {
  readonly #addName: Database.Statement<[string]>;
  readonly #name: Database.Statement<[string], { id: number }>;
  readonly #dropNames: Database.Statement<[]>;
  readonly #row: Database.Statement<[number], { packed: Buffer }>;
  readonly #rowsBetween: Database.Statement<[number, number], { count: number }>;
  readonly #put: Database.Statement<[number, Uint8Array]>;
  readonly #first: Database.Statement<[number, number], { id: number | null }>;
  readonly #dropBetween: Database.Statement<[number, number]>;
  readonly #bytes: Database.Statement<[], { bytes: number }>;
  #namesDroppedOn = 0;

  constructor(database: Database.Database) {
    this.#addName = database.prepare(
      "INSERT INTO traffic_names (name) VALUES (?) ON CONFLICT DO NOTHING",
    );
    this.#name = database.prepare("SELECT id FROM traffic_names WHERE name = ?");
    this.#dropNames = database.prepare(
      `DELETE FROM traffic_names WHERE id NOT IN (SELECT id % ${namesLimit} FROM traffic)`,
    );
    this.#row = database.prepare("SELECT packed FROM traffic WHERE id = ?");
    this.#rowsBetween = database.prepare(
      "SELECT count(*) AS count FROM traffic WHERE id >= ? AND id < ?",
    );
    this.#put = database.prepare(
      `INSERT INTO traffic (id, packed) VALUES (?, ?)
       ON CONFLICT DO UPDATE SET packed = excluded.packed`,
    );
    this.#first = database.prepare("SELECT min(id) AS id FROM traffic WHERE id >= ? AND id < ?");
    this.#dropBetween = database.prepare("DELETE FROM traffic WHERE id >= ? AND id < ?");
    this.#bytes = database.prepare("SELECT traffic_bytes AS bytes FROM totals");
  }

  record(record: TrafficRecord): void {
    for (const minute of record.minutes) this.#add(minute);
    this.#dropAged(record.nowMs);
    this.#dropBeyond(record.limitBytes);
  }

  #add({ minute, upstreams, networks }: MinuteTraffic): void {
    const atMs = minute * minuteMs;
    for (const [upstream, traffic] of upstreams) {
      const nameId = this.#idOf(upstream);
      for (const unit of [minutes, hours, days]) {
        this.#addTo(trafficRowId(unit, atMs, nameId), traffic);
      }
    }
    for (const [network, traffic] of networks) {
      for (const unit of [networkHours, networkDays])
        this.#addNetwork(unit, atMs, network, traffic);
    }
  }

  #addTo(id: number, more: Traffic): void {
    const sum = noTraffic();
    const before = this.#row.get(id);
    if (before) addPackedTraffic(sum, before.packed);
    addTraffic(sum, more);
    this.#put.run(id, packTraffic(sum));
  }

  #addNetwork(unit: TrafficUnit, atMs: number, network: string, more: NetworkTraffic): void {
    const own = trafficRowId(unit, atMs, this.#idOf(network));
    const known = this.#row.get(own);
    const isOther = !known && this.#countAt(unit, atMs) >= networksLimit;
    const id = isOther ? trafficRowId(unit, atMs, this.#idOf(otherNetworks)) : own;
    const before = isOther ? this.#row.get(id) : known;
    const sum = before ? unpackNetworkTraffic(before.packed) : { ...more };
    if (before) addNetworkTraffic(sum, more);
    this.#put.run(id, packNetworkTraffic(sum));
  }

  #countAt(unit: TrafficUnit, atMs: number): number {
    const first = trafficRowId(unit, atMs, 0);
    return this.#rowsBetween.get(first, first + namesLimit)?.count ?? 0;
  }

  #idOf(name: string): number {
    this.#addName.run(name);
    const id = this.#name.get(name)?.id ?? 0;
    return id < namesLimit ? id : 0;
  }

  #dropAged(nowMs: number): void {
    for (const unit of dispensable) {
      const end = trafficRowId(unit, nowMs - unit.keptMs, 0);
      this.#dropBetween.run(trafficRowId(unit, 0, 0), end);
    }
    const today = Math.floor(nowMs / dayMs);
    if (this.#namesDroppedOn === today) return;
    this.#namesDroppedOn = today;
    this.#dropNames.run();
  }

  /** A day at a time, so that the transaction stays short; the next writes drop the rest. */
  #dropBeyond(limitBytes: number): void {
    if ((this.#bytes.get()?.bytes ?? 0) <= limitBytes) return;
    for (const unit of dispensable) {
      const begin = trafficRowId(unit, 0, 0);
      const first = this.#first.get(begin, begin + namesLimit * 2 ** 30)?.id ?? null;
      if (first === null) continue;
      const dayOfTimes = Math.max(1, dayMs / unit.unitMs);
      this.#dropBetween.run(begin, first - (first % namesLimit) + dayOfTimes * namesLimit);
      return;
    }
  }
}
