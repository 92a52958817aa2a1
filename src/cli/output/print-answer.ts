import type { CommandOptions } from "../command-options.ts";

/** Prints what was answered: to programs all of it as JSON, to people what `render` makes of it. */
export function printAnswer<Answer>(
  answer: Answer,
  { json }: CommandOptions,
  render: (answer: Answer) => string,
): void {
  process.stdout.write(`${json ? JSON.stringify(answer, null, 2) : render(answer)}\n`);
}
