import type uPlot from "uplot";
import { moment } from "../words.ts";

interface TooltipOptions {
  readonly names: readonly string[];
  readonly format: (value: number) => string;
}

/** The values at the moment that is pointed at. */
export function tooltip({ names, format }: TooltipOptions): uPlot.Plugin {
  const box = document.createElement("div");
  box.className = "tooltip";
  box.hidden = true;
  return {
    hooks: {
      init: (plot) => plot.over.append(box),
      setCursor: (plot) => {
        const { idx, left = -1 } = plot.cursor;
        const at = typeof idx === "number" ? plot.data[0][idx] : undefined;
        box.hidden = at === undefined || left < 0;
        if (at === undefined || typeof idx !== "number") return;
        const lines = names.map((name, line) => {
          const value = plot.data[line + 1]?.[idx] ?? null;
          return `${name} ${value === null ? "–" : format(value)}`;
        });
        box.textContent = [moment(at * 1000), ...lines].join("\n");
        const isRight = left > plot.over.clientWidth / 2;
        box.style.left = isRight ? "" : `${left + 12}px`;
        box.style.right = isRight ? `${plot.over.clientWidth - left + 12}px` : "";
      },
    },
  };
}
