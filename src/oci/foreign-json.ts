// JSON.parse makes a value of every bracket that opens: 4 MiB of nothing else took 230 MiB and 0.4 s. A descriptor has
// three, with its platform and annotations, and the largest manifest has room for 50,000 descriptors.
const openingsLimit = 200_000;

/** The value that somebody else's JSON is; undefined for what is none, or would be many times larger in memory. */
export function parseForeignJson(bytes: Buffer): unknown {
  if (opensTooOften(bytes)) return undefined;
  try {
    return JSON.parse(bytes.toString("utf8"));
  } catch {
    return undefined;
  }
}

/** The same if it is an object; null for anything else. */
export function parseForeignObject(bytes: Buffer): Readonly<Record<string, unknown>> | null {
  const value = parseForeignJson(bytes);
  return isObject(value) ? value : null;
}

/** An object, and no list. */
export function isObject(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

function opensTooOften(bytes: Buffer): boolean {
  let openings = 0;
  // By index: an iterator or a callback takes ten times as long.
  for (let at = 0; at < bytes.length; at++) {
    if (bytes[at] === 0x5b || bytes[at] === 0x7b) openings++;
  }
  return openings > openingsLimit;
}
