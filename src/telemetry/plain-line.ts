/**
 * A line of JSON with the same meaning, and without letters that whatever shows it would obey: JSON escapes those below a
 * blank, but not DEL, the C1 controls (0x9b begins what 0x1b and a bracket do), ends of lines as Unicode has them, or what
 * turns the direction of writing. They come from clients, in targets, and from upstreams, in their words.
 */
export function plainLine(line: string): string {
  return escaped(line, (unit) => `\\u${unit}`);
}

/** The same for a program that makes text of the JSON and shows that: the letters are text of their numbers. */
export function plainLineToShow(line: string): string {
  return escaped(line, (unit) => `\\\\u${unit}`);
}

function escaped(line: string, written: (unit: string) => string): string {
  // Most have none, which is told in a tenth of the time.
  if (!uncommon.test(line)) return line;
  return line.replaceAll(oddOnes, (letter) => {
    return Array.from({ length: letter.length }, (_, at) => {
      return written(letter.charCodeAt(at).toString(16).padStart(4, "0"));
    }).join("");
  });
}

const uncommon = /[^\x20-\x7e\n]/;

// All but the end of the line itself: of the rest JSON has none left.
const oddOnes = /[^\P{C}\n]|[\p{Zl}\p{Zp}]/gu;
