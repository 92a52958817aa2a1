import {
  commonLogFields,
  type LogField,
  otherLogFields,
  requestLogFields,
} from "../src/telemetry/log-fields.ts";
import { waitKinds } from "../src/telemetry/waits.ts";
import { markdownTable } from "./markdown-table.ts";

/** The fields of log lines as Markdown. */
export function logReference(): string {
  const waits = Object.entries(waitKinds).map(([kind, meaning]) => [`\`${kind}\``, meaning]);
  return `# Log

Made by \`npm run docs\` from the definitions with which the tests compare every line. A line is one JSON object, on standard
output; on a terminal it is written for people. Later versions may add fields.

## Every line

${tableOf(commonLogFields)}

## The line of a request

Each request has one, when its answer has ended. What does not apply is not there.

${tableOf(requestLogFields)}

\`waitedMs\` says why a pull was slow, or what one that failed had waited for, in ms. Waits may overlap.

${markdownTable(["wait", "for"], waits)}

## Other lines

${tableOf(otherLogFields)}
`;
}

function tableOf(fields: Readonly<Record<string, LogField>>): string {
  const rows = Object.entries(fields).map(([name, { type, meaning }]) => [
    `\`${name}\``,
    type,
    meaning,
  ]);
  return markdownTable(["field", "type", "meaning"], rows);
}
