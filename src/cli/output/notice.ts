// Whoever waits for longer wonders whether anything happens.
const noticeAfterMs = 1_000;

/** Says on a terminal what is waited for, once it takes longer; gone when disposed. */
export class Notice implements Disposable {
  readonly #timer: NodeJS.Timeout;
  #shown = false;

  constructor(text: string) {
    this.#timer = setTimeout(() => {
      this.#shown = process.stderr.isTTY === true;
      if (this.#shown) process.stderr.write(text);
    }, noticeAfterMs).unref();
  }

  [Symbol.dispose](): void {
    clearTimeout(this.#timer);
    if (this.#shown) process.stderr.write("\r\x1b[K");
  }
}
