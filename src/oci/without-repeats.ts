/** Names of an image without digests in repositories where the image has a tag. */
export function withoutRepeats(names: readonly string[]): string[] {
  return names.filter((name) => {
    const at = name.indexOf("@");
    return at < 0 || !names.some((other) => other.startsWith(`${name.slice(0, at)}:`));
  });
}
