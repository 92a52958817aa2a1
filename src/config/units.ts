/** An amount of disk: bytes, or a share of the disk's size between 0 and 1. */
export type Size =
  | { readonly kind: "bytes"; readonly bytes: number }
  | { readonly kind: "share"; readonly share: number };

const msOf = { ms: 1, s: 1000, m: 60_000, h: 3_600_000, d: 86_400_000 } as const;

const bytesOf = {
  B: 1,
  kB: 1e3,
  KB: 1e3,
  MB: 1e6,
  GB: 1e9,
  TB: 1e12,
  KiB: 2 ** 10,
  MiB: 2 ** 20,
  GiB: 2 ** 30,
  TiB: 2 ** 40,
} as const;

/** The units of durations, and of sizes. */
export const durationUnits: readonly string[] = Object.keys(msOf);
export const sizeUnits: readonly string[] = [...Object.keys(bytesOf), "%"];

/** What `parseDuration` reads: a number and its unit, such as `90s` or `1.5h`. */
export const durationPattern: RegExp = patternOf(durationUnits);

/** What `parseSize` reads: a number and its unit, such as `50GiB`, `500MB` or `80%`. */
export const sizePattern: RegExp = patternOf(sizeUnits);

/** A duration in ms; null for what is none or beyond counting. */
export function parseDuration(text: string): number | null {
  const amount = readAmount(text, durationPattern, msOf);
  return amount === null ? null : safeInteger(amount);
}

/** A size, or null: a share is over 0% and at most 100%. */
export function parseSize(text: string): Size | null {
  const percent = readAmount(text, sizePattern, { "%": 1 });
  if (percent !== null) {
    return percent > 0 && percent <= 100 ? { kind: "share", share: percent / 100 } : null;
  }
  const amount = readAmount(text, sizePattern, bytesOf);
  const bytes = amount === null ? null : safeInteger(amount);
  return bytes === null ? null : { kind: "bytes", bytes };
}

/** The bytes that `size` means on a disk of `diskBytes`. */
export function sizeInBytes(size: Size, diskBytes: number): number {
  return size.kind === "bytes" ? size.bytes : Math.floor(size.share * diskBytes);
}

/** A duration for people, by its two most significant units: `250ms`, `1m 30s`, `3d 4h`. */
export function formatDuration(durationMs: number): string {
  const parts: string[] = [];
  let restMs = Math.round(durationMs);
  for (const [unit, unitMs] of Object.entries(msOf).reverse()) {
    const count = Math.floor(restMs / unitMs);
    restMs -= count * unitMs;
    if (count > 0) parts.push(`${count}${unit}`);
    else if (parts.length > 0) break;
  }
  return parts.slice(0, 2).join(" ") || "0s";
}

/** Bytes for people, in binary units: `512 B`, `1.5 GiB`, `123 MiB`. */
export function formatBytes(bytes: number): string {
  const units = ["B", "KiB", "MiB", "GiB", "TiB"];
  let amount = bytes;
  let unit = units.shift();
  // 1023.95 would be rounded to "1024": it is 1 of the next unit.
  while (amount >= 1023.95 && units.length > 0) {
    amount /= 1024;
    unit = units.shift();
  }
  return `${amount < 100 ? Number(amount.toFixed(1)) : Math.round(amount)} ${unit}`;
}

/** A size for people: `50 GiB`, `80% of the disk`. */
export function formatSize(size: Size): string {
  if (size.kind === "bytes") return formatBytes(size.bytes);
  return `${Number((size.share * 100).toFixed(2))}% of the disk`;
}

function patternOf(units: readonly string[]): RegExp {
  return new RegExp(`^([0-9]+(?:\\.[0-9]+)?) ?(${units.join("|")})$`);
}

function readAmount(
  text: string,
  pattern: RegExp,
  units: Readonly<Record<string, number>>,
): number | null {
  const [, number, unit = ""] = pattern.exec(text) ?? [];
  const factor = units[unit];
  return number === undefined || factor === undefined ? null : Number(number) * factor;
}

// Beyond 2^53 a sum of two would already be wrong.
function safeInteger(amount: number): number | null {
  const rounded = Math.round(amount);
  return Number.isSafeInteger(rounded) ? rounded : null;
}
