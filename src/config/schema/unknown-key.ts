import { distance } from "fastest-levenshtein";

/** What to say of a key that nobody knows where `known` are known. */
export function unknownKey(key: string, known: readonly string[]): string {
  const nearest = nearestKey(key, known);
  if (nearest !== null) return `unknown key; did you mean "${nearest}"?`;
  return `unknown key; known here: ${known.join(", ")}`;
}

/** The one of `known` that may have been meant; null if none is near. */
export function nearestKey(key: string, known: readonly string[]): string | null {
  const nearest = known.toSorted((one, other) => far(key, one) - far(key, other))[0];
  return nearest !== undefined && isNear(key, nearest) ? nearest : null;
}

function isNear(key: string, known: string): boolean {
  // A third of the letters is a slip or another spelling; more is another word.
  return far(key, known) <= Math.max(1, known.length / 3) || isPartOf(key, known);
}

function far(key: string, known: string): number {
  const slips = hasSameLetters(key, known) ? 1 : distance(key.toLowerCase(), known.toLowerCase());
  // `tttl` is a slip of `ttl`, though `grantTtl` has it in it.
  return isPartOf(key, known) ? Math.min(slips, 1.5) : slips;
}

// `lgo` for `log`: letters that changed places are one slip, not two.
function hasSameLetters(key: string, known: string): boolean {
  const sorted = (text: string): string => [...text.toLowerCase()].sort().join("");
  return sorted(key) === sorted(known);
}

// `size` for `maxSize`, `dir` for `directory`.
function isPartOf(key: string, known: string): boolean {
  return key.length >= 3 && known.toLowerCase().includes(key.toLowerCase());
}
