/** A part of a help text: prose, or lines that stand as they are written, such as examples. */
export interface Passage {
  readonly kind: "prose" | "verbatim";
  /** Verbatim ones without their indentation. */
  readonly lines: readonly string[];
}

const indent = "  ";

/** The parts of a help text, whose verbatim lines are indented. */
export function passagesOf(text: string): readonly Passage[] {
  return text.split("\n\n").flatMap(partsOf);
}

/** Of lines without an empty one between them. */
function partsOf(block: string): Passage[] {
  const parts: { kind: Passage["kind"]; lines: string[] }[] = [];
  for (const line of block.split("\n").filter((one) => one !== "")) {
    const kind = line.startsWith(indent) ? "verbatim" : "prose";
    if (parts.at(-1)?.kind !== kind) parts.push({ kind, lines: [] });
    parts.at(-1)?.lines.push(unindented(line));
  }
  return parts;
}

function unindented(line: string): string {
  return line.startsWith(indent) ? line.slice(indent.length) : line;
}
