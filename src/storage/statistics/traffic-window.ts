import { parseDuration } from "../../config/units.ts";

/** The time that is asked about, in whole steps: in ms since the epoch, `toMs` not included. */
export interface TrafficWindow {
  readonly fromMs: number;
  readonly toMs: number;
  readonly stepMs: number;
}

/** The same in words, as users write it. */
export interface WrittenWindow {
  /** Back from now, or from `to`, such as `24h`. */
  readonly window?: string | undefined;
  readonly step?: string | undefined;
  /** ISO 8601 times. */
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

export const minuteMs = 60_000;
export const hourMs = 3_600_000;
export const dayMs = 86_400_000;

/** For how long traffic is kept by minutes, and by hours. By days it is kept for five years. */
export const keptByMinutesMs: number = 30 * dayMs;
export const keptByHoursMs: number = 400 * dayMs;

// A day by minutes; each step takes some 300 bytes of the answer for each upstream.
const stepsLimit = 1_500;

// A picture has room for some hundred steps, and people read a round one.
const usualSteps = 100;
const roundStepsMs = [1, 5, 15, 30, 60, 360, 1440].map((minutes) => minutes * minuteMs);

// A month by minutes would be read for a quarter of a second.
const longestByMinutesMs = 7 * dayMs;

/** The window, or a sentence about what is wrong with it. */
export type ReadWindow = { readonly window: TrafficWindow } | { readonly problem: string };

/** What was written. */
export function readWindow(written: WrittenWindow, nowMs: number): ReadWindow {
  const asked = readTimes(written, nowMs);
  if ("problem" in asked) return asked;
  const { fromMs, toMs } = asked;
  const { step } = written;
  if (fromMs >= toMs) return { problem: "the end is not after the beginning" };
  const stepMs = step === undefined ? usualStepMs(asked, nowMs) : parseDuration(step);
  if (stepMs && stepMs % minuteMs === 0) return wholeSteps({ fromMs, toMs, stepMs }, nowMs);
  return { problem: `"${step}" is not a number of minutes, hours or days; write for example 1h` };
}

// Of networks hours are kept so long, and a day beside what is running.
const savingsByHoursMs = 31 * dayMs;

/** What was written of a window of savings, which need no steps: of whole hours, or of days if it is long ago. */
export function readSavingsWindow(written: WrittenWindow, nowMs: number): ReadWindow {
  const isBare = written.window === undefined && written.from === undefined;
  const asked = isBare ? { ...written, window: "30d" } : written;
  const times = readTimes(asked, nowMs);
  if ("problem" in times) return times;
  const isLate = times.fromMs >= nowMs - savingsByHoursMs;
  return readWindow({ ...asked, step: isLate ? "1h" : "1d" }, nowMs);
}

type Times = Pick<TrafficWindow, "fromMs" | "toMs">;

function readTimes(
  { window, from, to }: WrittenWindow,
  nowMs: number,
): Times | { readonly problem: string } {
  const windowMs = window === undefined ? dayMs : parseDuration(window);
  // What happens at this moment belongs to it.
  const toMs = to === undefined ? nowMs + 1 : timeIn(to);
  if (windowMs === null) {
    return { problem: `"${window}" is not a duration; write for example 24h` };
  }
  if (toMs === null) return noTime(to);
  if (from === undefined) return { fromMs: toMs - windowMs, toMs };
  if (window !== undefined) {
    return { problem: "a window and its beginning (from) cannot both be given" };
  }
  const fromMs = timeIn(from);
  return fromMs === null ? noTime(from) : { fromMs, toMs };
}

function noTime(text: string | undefined): { readonly problem: string } {
  return { problem: `"${text}" is not a time; write for example 2026-01-31T12:00:00Z` };
}

function timeIn(text: string): number | null {
  const atMs = /^\d{4}-\d{2}-\d{2}(T|$)/.test(text) ? Date.parse(text) : Number.NaN;
  return Number.isNaN(atMs) ? null : atMs;
}

/** The last step is the one that `toMs` lies in; as many come before it as the window has. */
function wholeSteps({ fromMs, toMs, stepMs }: TrafficWindow, nowMs: number): ReadWindow {
  const steps = Math.ceil((toMs - fromMs) / stepMs);
  if (steps > stepsLimit) {
    return { problem: `that is ${steps} steps, more than ${stepsLimit}: ask for longer ones` };
  }
  // Days are those of UTC.
  const endMs = Math.ceil(toMs / stepMs) * stepMs;
  const window = { fromMs: endMs - steps * stepMs, toMs: endMs, stepMs };
  const unitMs = shortestUnitMs(window, nowMs);
  if (stepMs % unitMs === 0) return { window };
  const unit = unitMs === hourMs ? "hours" : "days";
  return {
    problem: `so long ago, or for so long, only whole ${unit} can be told: ask for a step of ${unit}`,
  };
}

/** By what unit of time that window can be told. */
function shortestUnitMs({ fromMs, toMs }: Times, nowMs: number): number {
  // What a clean-up has not reached yet is still there.
  if (fromMs < nowMs - keptByHoursMs - dayMs) return dayMs;
  const isShort = toMs - fromMs <= longestByMinutesMs + hourMs;
  return isShort && fromMs >= nowMs - keptByMinutesMs - dayMs ? minuteMs : hourMs;
}

function usualStepMs({ fromMs, toMs }: Times, nowMs: number): number {
  const unitMs = shortestUnitMs({ fromMs, toMs }, nowMs);
  const possible = roundStepsMs.filter((stepMs) => stepMs % unitMs === 0);
  const round = possible.find((stepMs) => (toMs - fromMs) / stepMs <= usualSteps);
  return round ?? dayMs;
}
