// What an index or a config says is for people to read, on a terminal too: of anything else than such words nothing is
// taken. The longest known have some ten characters.
const word = /^[A-Za-z0-9][A-Za-z0-9._-]{0,31}$/;

/** The platform of an image as clients write it, `linux/arm64` or `linux/arm/v7`; null if none is said, or "unknown". */
export function platformText(value: unknown): string | null {
  if (typeof value !== "object" || value === null) return null;
  const { os, architecture, variant } = value as Readonly<Record<string, unknown>>;
  if (!isWord(os) || !isWord(architecture) || architecture === "unknown") return null;
  return [os, architecture, ...(isWord(variant) ? [variant] : [])].join("/");
}

function isWord(value: unknown): value is string {
  return typeof value === "string" && word.test(value);
}
