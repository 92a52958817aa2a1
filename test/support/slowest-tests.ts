import { relative } from "node:path";
import type { EventData } from "node:test";

/** Which tests of a run took longest, and where they are. */
export class SlowestTests {
  readonly #most: number;
  #slowest: { readonly durationMs: number; readonly line: string }[] = [];

  constructor(most: number) {
    this.#most = most;
  }

  add({ name, file = "", details }: EventData.TestPass | EventData.TestFail): void {
    if (details.type === "suite") return;
    const durationMs = details.duration_ms;
    const seconds = (durationMs / 1000).toFixed(1).padStart(6);
    const line = `${seconds} s  ${name}  (${relative("", file)})`;
    this.#slowest.push({ durationMs, line });
    this.#slowest.sort((one, other) => other.durationMs - one.durationMs);
    this.#slowest = this.#slowest.slice(0, this.#most);
  }

  /** A line for each, the slowest first. */
  get lines(): string[] {
    return this.#slowest.map(({ line }) => line);
  }
}
