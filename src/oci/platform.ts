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

/** Which architectures are what the system that runs this has, as Node names them. */
const architectures: Readonly<Record<string, string>> = {
  x64: "amd64",
  ia32: "386",
  arm: "arm/v7",
  ppc64: "ppc64le",
};

/** The platform of Linux on a machine that Node calls so (`process.arch`). */
export function linuxOn(architecture: string): string {
  return `linux/${architectures[architecture] ?? architecture}`;
}

/**
 * Which of `platforms` somebody means by `wanted`: that one, or else its variants. `linux/arm64` is `linux/arm64/v8` where
 * there is no other.
 */
export function platformsFor(wanted: string, platforms: readonly string[]): string[] {
  if (platforms.includes(wanted)) return [wanted];
  return platforms.filter((platform) => platform.startsWith(`${wanted}/`));
}

/** Whether it is written as a platform is: `linux/amd64`, `linux/arm/v7`. */
export function isPlatform(text: string): boolean {
  const parts = text.split("/");
  return (parts.length === 2 || parts.length === 3) && parts.every((part) => word.test(part));
}

function isWord(value: unknown): value is string {
  return typeof value === "string" && word.test(value);
}
