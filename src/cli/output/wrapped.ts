/** A text cut into lines of `widthChars` at most, between words; a longer word has a line for itself. */
export function wrapped(text: string, widthChars: number): readonly string[] {
  const lines: string[] = [];
  for (const word of text.split(" ")) {
    const longer = `${lines.at(-1) ?? ""} ${word}`;
    if (lines.length > 0 && longer.length <= widthChars) lines.splice(-1, 1, longer);
    else lines.push(word);
  }
  return lines;
}
