/**
 * A script or a style sheet of ours without indentation, and without comments that have lines of their own; what is left
 * stands in the same lines as before. Text that goes over several lines would be changed: there must be none.
 */
export function withoutComments(text: string): string {
  let isInComment = false;
  return text
    .split("\n")
    .map((line) => {
      const code = line.trim();
      const isComment = isInComment || code.startsWith("//") || code.startsWith("/*");
      const hasEnd = code.endsWith("*/");
      isInComment = (isInComment || code.startsWith("/*")) && !hasEnd;
      return isComment ? "" : code;
    })
    .join("\n");
}
