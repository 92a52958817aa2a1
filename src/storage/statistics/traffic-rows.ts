import { dayMs, hourMs, keptByHoursMs, keptByMinutesMs, minuteMs } from "./traffic-window.ts";

/** A unit of time by which traffic is kept. */
export interface TrafficUnit {
  readonly number: number;
  readonly unitMs: number;
  /** For how long its rows are kept. */
  readonly keptMs: number;
}

/**
 * The units of time by which traffic is kept. `number` stands before the time in a row's id: the minutes come last, so that
 * the row that is written most is at the end of the table, where SQLite leaves no pages half empty.
 */
export const trafficUnits: Readonly<
  Record<"days" | "networkDays" | "hours" | "networkHours" | "minutes", TrafficUnit>
> = {
  days: { number: 0, unitMs: dayMs, keptMs: 1830 * dayMs },
  networkDays: { number: 1, unitMs: dayMs, keptMs: 400 * dayMs },
  hours: { number: 2, unitMs: hourMs, keptMs: keptByHoursMs },
  networkHours: { number: 3, unitMs: hourMs, keptMs: 31 * dayMs },
  minutes: { number: 4, unitMs: minuteMs, keptMs: keptByMinutesMs },
};

// An id is a unit, a time in units since the epoch, and the number of a name: 3, 30 and 20 bits, which a double holds. The
// minutes last until the year 4011.
const times = 2 ** 30;

/** How many names can have a number. */
export const namesLimit: number = 2 ** 20;

/** The id of the row of a name; that of 0 is where the rows of its time begin. */
export function trafficRowId(
  { number, unitMs }: TrafficUnit,
  atMs: number,
  nameId: number,
): number {
  const time = Math.min(Math.max(0, Math.floor(atMs / unitMs)), times - 1);
  return (number * times + time) * namesLimit + nameId;
}

export function timeOfRow({ unitMs }: TrafficUnit, id: number): number {
  return (Math.floor(id / namesLimit) % times) * unitMs;
}

export function nameOfRow(id: number): number {
  return id % namesLimit;
}
