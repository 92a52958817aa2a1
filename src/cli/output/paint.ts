import { styleText } from "node:util";

/** Colours text for a terminal; elsewhere, and where NO_COLOR is set, it stays as it is. */
export function paint(colour: "green" | "yellow" | "red" | "dim", text: string): string {
  return styleText(colour, text, { stream: process.stdout });
}
