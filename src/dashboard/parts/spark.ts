import { h, type JSX } from "preact";

const width = 90;
const height = 24;

/** How something went of late, as a shape: the figure beside it says how much. */
export function Spark({ values }: { readonly values: readonly number[] }): JSX.Element | null {
  const highest = Math.max(...values);
  if (values.length < 2 || highest <= 0) return null;
  const from = width - values.length + 1;
  const points = values.map(
    (value, at) => `${from + at},${(height - (height - 2) * (value / highest)).toFixed(1)}`,
  );
  return h(
    "svg",
    {
      class: "spark",
      viewBox: `0 0 ${width} ${height}`,
      preserveAspectRatio: "none",
      "aria-hidden": "true",
    },
    [
      h("polygon", { points: `${from},${height} ${points.join(" ")} ${width},${height}` }),
      h("polyline", { points: points.join(" ") }),
    ],
  );
}
