import type { z } from "zod";
import { patternHint, text } from "./keys.ts";

// Clients print it on one line.
const denial = /^[^\p{Cc}]{1,300}$/u;

/** What is told to those who ask for something, and do not get it. */
export function denyKey(description: string): z.ZodType<string> {
  return text(
    {
      kind: "a sentence of at most 300 characters on one line",
      description,
      example: "use quay.io/good/* instead",
      hints: patternHint(denial),
    },
    (written) => (denial.test(written) ? written : null),
  );
}
