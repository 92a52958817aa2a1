import { stripVTControlCharacters } from "node:util";

/** A column of a table: numbers stand right so that their digits align. */
export interface Column {
  readonly title: string;
  readonly align: "left" | "right";
}

/** Rows of text, which may be painted, under their titles in columns two spaces apart. */
export function renderTable(
  columns: readonly Column[],
  rows: readonly (readonly string[])[],
): string {
  const titles = columns.map(({ title }) => title);
  const widths = columns.map((_, at) =>
    Math.max(...[titles, ...rows].map((row) => widthOf(row[at] ?? ""))),
  );
  const line = (cells: readonly string[]): string =>
    columns
      .map(({ align }, at) => {
        const cell = cells[at] ?? "";
        const space = " ".repeat((widths[at] ?? 0) - widthOf(cell));
        return align === "right" ? space + cell : cell + space;
      })
      .join("  ")
      .trimEnd();
  return [titles, ...rows].map(line).join("\n");
}

function widthOf(cell: string): number {
  return stripVTControlCharacters(cell).length;
}
