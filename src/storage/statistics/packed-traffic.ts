import { cellOf, type Traffic, type TrafficCell } from "./traffic.ts";
import type { NetworkTraffic } from "./traffic-meter.ts";

/** Traffic as a row of the catalog has it: a busy minute takes some 100 bytes. Every number is as long as it must be. */
export function packTraffic(traffic: Traffic): Uint8Array {
  const { pulls, savedPulls, receivedBytes, fills, failedFills } = traffic;
  const numbers = [pulls, savedPulls, receivedBytes, fills, failedFills];
  for (const [key, cell] of traffic.cells) numbers.push(key, ...numbersOf(cell));
  return packed(numbers);
}

/** Adds what `packTraffic` made to `sum`. */
export function addPackedTraffic(sum: Traffic, bytes: Uint8Array): void {
  const numbers = new Numbers(bytes);
  sum.pulls += numbers.next();
  sum.savedPulls += numbers.next();
  sum.receivedBytes += numbers.next();
  sum.fills += numbers.next();
  sum.failedFills += numbers.next();
  while (numbers.hasMore) addPackedCell(cellOf(sum, numbers.next()), numbers);
}

export function packNetworkTraffic(traffic: NetworkTraffic): Uint8Array {
  const { requests, pulls, savedPulls, sentBytes, savedBytes } = traffic;
  return packed([requests, pulls, savedPulls, sentBytes, savedBytes]);
}

export function unpackNetworkTraffic(bytes: Uint8Array): NetworkTraffic {
  const numbers = new Numbers(bytes);
  return {
    requests: numbers.next(),
    pulls: numbers.next(),
    savedPulls: numbers.next(),
    sentBytes: numbers.next(),
    savedBytes: numbers.next(),
  };
}

/** The bytes, then the latencies from the first bucket that has some to the last one. */
function numbersOf({ sentBytes, latencies }: TrafficCell): number[] {
  const first = Math.max(
    0,
    latencies.findIndex((count) => count > 0),
  );
  const last = latencies.findLastIndex((count) => count > 0);
  const counts = latencies.slice(first, last + 1);
  return [sentBytes, first, counts.length, ...counts];
}

function addPackedCell(cell: TrafficCell, numbers: Numbers): void {
  cell.sentBytes += numbers.next();
  const first = numbers.next();
  const end = first + numbers.next();
  for (let bucket = first; bucket < end; bucket++) {
    cell.latencies[bucket] = (cell.latencies[bucket] ?? 0) + numbers.next();
  }
}

/** Seven bits a byte, the lowest first; the eighth says that there are more (LEB128). */
function packed(numbers: readonly number[]): Uint8Array {
  const bytes: number[] = [];
  for (const number of numbers) {
    let rest = number;
    while (rest >= 0x80) {
      bytes.push((rest % 0x80) | 0x80);
      rest = Math.floor(rest / 0x80);
    }
    bytes.push(rest);
  }
  return Uint8Array.from(bytes);
}

class Numbers {
  readonly #bytes: Uint8Array;
  #at = 0;

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes;
  }

  get hasMore(): boolean {
    return this.#at < this.#bytes.length;
  }

  next(): number {
    let number = 0;
    let factor = 1;
    for (;;) {
      const byte = this.#bytes[this.#at++] ?? 0;
      number += (byte & 0x7f) * factor;
      if (byte < 0x80) return number;
      factor *= 0x80;
    }
  }
}
