import { h, type JSX } from "preact";
import { useEffect, useRef } from "preact/hooks";
import type uPlot from "uplot";
import { tooltip } from "./tooltip.ts";

/** A line of a chart. */
export interface Line {
  readonly name: string;
  /** A custom property of the style sheet, such as `--accent`. */
  readonly colour: string;
  readonly values: readonly (number | null)[];
}

export interface ChartProps {
  readonly title: string;
  /** What a value is, for people. */
  readonly format: (value: number) => string;
  /** Moments, in ms since the epoch. */
  readonly times: readonly number[];
  readonly lines: readonly Line[];
  /** The top of the scale; by the values where there is none. */
  readonly highest?: number;
  /** By what the scale may go, in its own unit; by round decimal numbers where nothing is said. */
  readonly increments?: readonly number[];
  /** A moment, short, below the chart. */
  readonly formatTime: (atMs: number) => string;
}

/** Values over time. Who cannot see it has the table below all charts. */
export function Chart(props: ChartProps): JSX.Element {
  const place = useRef<HTMLDivElement>(null);
  useEffect(() => {
    const element = place.current;
    if (!element) return;
    const drawn = new Drawn(element, props);
    return () => drawn.end();
  }, [props.times, props.lines]);
  const { title, lines } = props;
  return h("figure", { class: "chart" }, [
    h("figcaption", null, [
      h("h2", null, title),
      h(
        "ul",
        { class: "legend" },
        lines.map(({ name, colour }) =>
          h("li", { key: name }, [h("i", { class: `key line${colour}` }), name]),
        ),
      ),
    ]),
    h("div", {
      class: "plot",
      ref: place,
      role: "img",
      "aria-label": `${title}: ${summaryOf(props)}`,
    }),
  ]);
}

/** The last values: the rest is in the table. */
function summaryOf({ lines, format }: ChartProps): string {
  const last = lines.map(({ name, values }) => {
    const value = values.findLast((one) => one !== null) ?? null;
    return `${name} ${value === null ? "unknown" : format(value)}`;
  });
  return `last ${last.join(", ")}; the table has all values`;
}

const heightPx = 190;

/** The values without neighbours, which no line would show. */
function alone(line: Line | undefined): number[] {
  const values = line?.values ?? [];
  return values.flatMap((value, at) => {
    const isAlone = (values[at - 1] ?? null) === null && (values[at + 1] ?? null) === null;
    return value !== null && isAlone ? [at] : [];
  });
}

/** A chart within an element; it follows the element's width and the theme. */
class Drawn {
  readonly #element: HTMLElement;
  readonly #props: ChartProps;
  readonly #ending = new AbortController();
  #plot: uPlot | null = null;

  constructor(element: HTMLElement, props: ChartProps) {
    this.#element = element;
    this.#props = props;
    const { signal } = this.#ending;
    const redraw = (): void => void this.#draw();
    addEventListener("themechange", redraw, { signal });
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw, { signal });
    const watcher = new ResizeObserver(() => this.#fit());
    watcher.observe(element);
    signal.addEventListener("abort", () => watcher.disconnect());
    redraw();
  }

  end(): void {
    this.#ending.abort();
    this.#plot?.destroy();
  }

  async #draw(): Promise<void> {
    const { default: UPlot } = await import("uplot");
    if (this.#ending.signal.aborted) return;
    this.#plot?.destroy();
    const { times, lines } = this.#props;
    const data = [times.map((atMs) => atMs / 1000), ...lines.map(({ values }) => [...values])];
    this.#plot = new UPlot(this.#options(), data as uPlot.AlignedData, this.#element);
  }

  #fit(): void {
    this.#plot?.setSize({ width: this.#element.clientWidth, height: heightPx });
  }

  #options(): uPlot.Options {
    const { lines, format, formatTime, highest, increments } = this.#props;
    const [line, muted] = [this.#computed("--line"), this.#computed("--muted")];
    const axis = { stroke: muted, font: "12px system-ui, sans-serif", ticks: { show: false } };
    return {
      width: this.#element.clientWidth,
      height: heightPx,
      padding: [8, 18, 0, 0],
      legend: { show: false },
      cursor: {
        sync: { key: "time" },
        y: false,
        drag: { x: false, y: false },
        points: { size: 7 },
      },
      scales: { y: { range: (_plot, _low, high) => [0, highest ?? Math.max(high * 1.08, 1e-6)] } },
      axes: [
        {
          ...axis,
          grid: { show: false },
          size: 28,
          space: 70,
          values: (_plot, splits) => splits.map((at) => formatTime(at * 1000)),
        },
        {
          ...axis,
          grid: { stroke: line, width: 1 },
          size: 68,
          space: 36,
          ...(increments && { incrs: [...increments] }),
          values: (_plot, splits) => splits.map(format),
        },
      ],
      series: [
        {},
        ...lines.map(({ name, colour: of }) => ({
          label: name,
          stroke: this.#computed(of),
          width: 1.75,
          points: {
            show: true,
            size: 4,
            fill: this.#computed(of),
            filter: (_plot: uPlot, line: number) => alone(lines[line - 1]),
          },
          spanGaps: false,
        })),
      ],
      plugins: [tooltip({ names: lines.map(({ name }) => name), format })],
    };
  }

  /** A canvas knows no custom properties, and not which of two values a theme means. */
  #computed(property: string): string {
    const probe = document.createElement("span");
    probe.style.color = `var(${property})`;
    this.#element.append(probe);
    const { color } = getComputedStyle(probe);
    probe.remove();
    return color;
  }
}
