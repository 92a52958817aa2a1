import { formatBytes, formatDuration } from "../../config/units.ts";
import { shortened } from "./shortened.ts";

export interface Bar {
  readonly label: string;
  readonly doneBytes: number;
  /** null if nobody knows. */
  readonly totalBytes: number | null;
  /** null while nothing can be said, or where it is of no interest. */
  readonly bytesPerSecond: number | null;
}

export interface BarSpace {
  readonly widthChars: number;
  /** Of the labels, so that bars stand below each other. */
  readonly labelChars: number;
}

// What the figures take, so that no bar moves when they change.
const figuresChars = "1023 MiB of 1023 MiB".length;
const speedChars = "1023 MiB/s".length;
const restChars = "59m 59s left".length;

const narrowestBarChars = 8;

/** A bar with its figures in one line: `alpine  [####....]   45%  1.2 GiB of 2.7 GiB  98 MiB/s  15s left`. */
export function renderBar(bar: Bar, { widthChars, labelChars }: BarSpace): string {
  const label = shortened(bar.label, labelChars).padEnd(labelChars);
  const figures = figuresOf(bar);
  const taken = label.length + figures.reduce((sum, text) => sum + text.length + 2, 0);
  const room = widthChars - taken - 4;
  const drawn = room >= narrowestBarChars ? [`[${drawBar(shareOf(bar), Math.min(room, 30))}]`] : [];
  return [label, ...drawn, ...figures].join("  ").slice(0, widthChars).trimEnd();
}

function figuresOf(bar: Bar): string[] {
  const { doneBytes, totalBytes, bytesPerSecond } = bar;
  const share = shareOf(bar);
  const of = totalBytes === null ? "" : ` of ${formatBytes(totalBytes)}`;
  const figures = [
    share === null ? "" : `${Math.floor(100 * share)}%`.padStart(4),
    `${formatBytes(doneBytes)}${of}`.padEnd(figuresChars),
  ];
  if (bytesPerSecond === null) return figures;
  const speed = `${formatBytes(bytesPerSecond)}/s`.padEnd(speedChars);
  return [...figures, speed, restOf(bar).padEnd(restChars)];
}

function restOf({ doneBytes, totalBytes, bytesPerSecond }: Bar): string {
  if (totalBytes === null || !bytesPerSecond) return "";
  const restMs = (1000 * Math.max(0, totalBytes - doneBytes)) / bytesPerSecond;
  // By the second: what is finer is no forecast.
  return `${formatDuration(Math.ceil(restMs / 1000) * 1000)} left`;
}

function shareOf({ doneBytes, totalBytes }: Bar): number | null {
  if (totalBytes === null) return null;
  return totalBytes === 0 ? 1 : Math.min(1, doneBytes / totalBytes);
}

function drawBar(share: number | null, widthChars: number): string {
  const done = Math.floor((share ?? 0) * widthChars);
  return `${"#".repeat(done)}${".".repeat(widthChars - done)}`;
}
