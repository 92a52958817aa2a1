// Twelve digits tell digests apart, and fit beside a name.
const longDigest = /(sha\d+:[0-9a-f]{12})[0-9a-f]+$/;

/** A name of an image that takes `limitChars` at most: its digest without the end, then itself without the middle. */
export function shortened(name: string, limitChars: number): string {
  const short = name.replace(longDigest, "$1…");
  if (short.length <= limitChars) return short;
  // The end says more: the image and its tag.
  const endChars = Math.ceil(((limitChars - 1) * 2) / 3);
  const startChars = Math.max(0, limitChars - 1 - endChars);
  return `${short.slice(0, startChars)}…${short.slice(-endChars)}`;
}
