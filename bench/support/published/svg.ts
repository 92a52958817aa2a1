/** A picture that says what it shows, in the reader's own font, for light pages and dark ones. */
export interface Picture {
  readonly width: number;
  readonly height: number;
  readonly title: string;
  /** All that can be read from it, for those who do not see it. */
  readonly description: string;
  readonly content: readonly string[];
}

export function svg({ width, height, title, description, content }: Picture): string {
  return `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-labelledby="title description">
<title id="title">${escaped(title)}</title>
<desc id="description">${escaped(description)}</desc>
<style>${style}</style>
${text({ x: 0, y: 18, class: "title" }, title)}
${content.join("\n")}
</svg>
`;
}

// The greys have a contrast of 4.5 with white and with GitHub's dark page, where they are text.
const style = `
text { font: 13px system-ui, sans-serif; fill: #24292f }
.title { font-weight: 600; font-size: 15px }
.quiet { fill: #57606a; font-size: 12px }
.end { text-anchor: end }
.middle { text-anchor: middle }
.ours { fill: #0969da }
.theirs { fill: #8c959f }
.spread, .axis { stroke: #57606a; stroke-width: 1; fill: none }
.axis { opacity: .35 }
.bound { stroke: #57606a; stroke-dasharray: 4 4; fill: none }
.line { fill: none; stroke-width: 2 }
.c0 { stroke: #0969da } .c1 { stroke: #bc4c00 } .c2 { stroke: #1a7f37 } .c3 { stroke: #8250df } .c4 { stroke: #bf3989 }
@media (prefers-color-scheme: dark) {
text { fill: #e6edf3 }
.quiet { fill: #9198a1 }
.ours { fill: #4493f8 }
.theirs { fill: #656c76 }
.spread, .axis, .bound { stroke: #9198a1 }
.c0 { stroke: #4493f8 } .c1 { stroke: #f0883e } .c2 { stroke: #3fb950 } .c3 { stroke: #ab7df8 } .c4 { stroke: #db61a2 }
}
`;

type Attributes = Readonly<Record<string, string | number>>;

export function text(attributes: Attributes, words: string): string {
  return `<text${written(attributes)}>${escaped(words)}</text>`;
}

export function shape(name: "rect" | "path" | "circle", attributes: Attributes): string {
  return `<${name}${written(attributes)}/>`;
}

function written(attributes: Attributes): string {
  return Object.entries(attributes)
    .map(([name, value]) => ` ${name}="${typeof value === "number" ? tenths(value) : value}"`)
    .join("");
}

/** What is finer is not seen, and would differ with each run. */
function tenths(value: number): number {
  return Math.round(value * 10) / 10;
}

function escaped(words: string): string {
  return words.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");
}
