/** Where progress is shown: a terminal, or what is none. */
export interface ProgressScreen {
  readonly isTTY?: boolean;
  readonly columns?: number;
  readonly rows?: number;
  write(text: string): unknown;
}

// Of a usual terminal, where one does not say.
const usual = { columns: 80, rows: 24 };

/**
 * Lines at the end of a terminal that are written over as things go on, and gone when disposed; elsewhere nothing is shown.
 * Each picture is one write over the one before, so nothing flickers.
 */
export class Progress implements Disposable {
  readonly #screen: ProgressScreen;
  #shownLines = 0;

  constructor(screen: ProgressScreen = process.stderr) {
    this.#screen = screen;
  }

  /** How many columns a line may have: in the last one some terminals begin a new line. */
  get widthChars(): number {
    return (this.#screen.columns ?? usual.columns) - 1;
  }

  /** How many lines there may be: what scrolls out of the screen cannot be written over. */
  get heightLines(): number {
    return Math.max(1, (this.#screen.rows ?? usual.rows) - 2);
  }

  show(lines: readonly string[]): void {
    if (this.#screen.isTTY !== true) return;
    const shown = lines.slice(0, this.heightLines);
    const text = shown.map((line) => `${line}\x1b[K\n`).join("");
    this.#screen.write(`${this.#home()}${text}\x1b[J`);
    this.#shownLines = shown.length;
  }

  /** Takes them away, for what is to stay on the screen. */
  clear(): void {
    if (this.#shownLines > 0) this.#screen.write(`${this.#home()}\x1b[J`);
    this.#shownLines = 0;
  }

  [Symbol.dispose](): void {
    this.clear();
  }

  /** To where the picture begins. */
  #home(): string {
    return this.#shownLines > 0 ? `\x1b[${this.#shownLines}F` : "";
  }
}
