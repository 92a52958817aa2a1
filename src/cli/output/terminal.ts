/** How much text fits on the screen. */
export interface Terminal {
  readonly widthChars: number;
  readonly heightLines: number;
}

/** Of standard output; a file is written as for a usual terminal. */
export function terminal(): Terminal {
  const { columns: widthChars = 80, rows: heightLines = 24 } = process.stdout;
  return { widthChars, heightLines };
}

/** How many rows of a list are shown where nothing is said: what `otherLines` leave of the screen. */
export function rowsBeside(otherLines: number): number {
  return Math.max(5, terminal().heightLines - otherLines);
}
