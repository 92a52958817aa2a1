import { h, type JSX } from "preact";
import { useMemo } from "preact/hooks";
import { formatBytes } from "../../config/units.ts";
import { count, latency, percent } from "../words.ts";
import { Chart, type ChartProps, type Line } from "./chart.ts";
import type { Point } from "./points.ts";

interface ChartsProps {
  readonly points: readonly Point[];
  /** How long a step is, in words. */
  readonly step: string;
}

/** What was saved, what went through, how long it took, what failed. */
export function Charts({ points, step }: ChartsProps): JSX.Element {
  const charts = useMemo(() => chartsOf(points, step), [points, step]);
  return h(
    "div",
    { class: "charts" },
    charts.map((props) => h(Chart, { key: props.title, ...props })),
  );
}

function chartsOf(points: readonly Point[], step: string): ChartProps[] {
  const times = points.map(({ atMs }) => atMs);
  const line = (name: string, colour: string, key: keyof Point): Line => ({
    name,
    colour,
    values: points.map((point) => point[key]),
  });
  const common = { times, formatTime: timeFormat(times) };
  return [
    {
      ...common,
      title: "Hit rate",
      format: percentRounded,
      highest: 1,
      lines: [
        line("of bytes", "--accent", "byteHitRate"),
        line("of requests", "--warm", "hitRate"),
      ],
    },
    {
      ...common,
      title: `Traffic in ${step}`,
      format: formatBytes,
      increments: powersOfTwo,
      lines: [
        line("to clients", "--accent", "sentBytes"),
        line("from upstreams", "--warm", "receivedBytes"),
      ],
    },
    {
      ...common,
      title: "Time of a request, to the last byte",
      format: latency,
      lines: [
        line("half of them (p50)", "--accent", "p50Ms"),
        line("99 of 100 (p99)", "--warm", "p99Ms"),
      ],
    },
    {
      ...common,
      title: `Errors in ${step}`,
      format: count,
      increments: wholeNumbers,
      lines: [line("requests", "--bad", "errors"), line("fills", "--warm", "failedFills")],
    },
  ];
}

const powersOfTwo: readonly number[] = Array.from({ length: 60 }, (_none, power) => 2 ** power);

const wholeNumbers: readonly number[] = Array.from({ length: 30 }, (_none, at) => {
  return [1, 2, 5].map((digit) => digit * 10 ** at);
}).flat();

function percentRounded(share: number): string {
  return percent(share).replace(".0%", "%");
}

const clock = new Intl.DateTimeFormat("en-GB", { hour: "2-digit", minute: "2-digit" });
const date = new Intl.DateTimeFormat("en-GB", { day: "numeric", month: "short" });

const dayMs = 86_400_000;

/** Of a day the hours; of more the days, and the hours between them. */
function timeFormat(times: readonly number[]): (atMs: number) => string {
  const spanMs = (times.at(-1) ?? 0) - (times[0] ?? 0);
  if (spanMs <= dayMs) return (atMs) => clock.format(atMs);
  return (atMs) => {
    const time = clock.format(atMs);
    return time === "00:00" ? date.format(atMs) : time;
  };
}
