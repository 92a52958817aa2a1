/**
 * Text that may have come from anywhere, fit for a terminal: what would move the cursor, colour or turn around what
 * follows is written as its number.
 */
export function printable(text: string): string {
  // Controls, formats (the bidirectional ones among them), separators of lines, halves of pairs; a tab is harmless.
  return text.replace(/[^\P{C}\n\t]|[\p{Zl}\p{Zp}]/gu, (char) => {
    return `\\u{${char.codePointAt(0)?.toString(16)}}`;
  });
}
