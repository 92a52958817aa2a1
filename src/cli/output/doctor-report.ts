import { styleText } from "node:util";
import type { Finding } from "../../doctor/finding.ts";
import { wrapped } from "./wrapped.ts";

const indent = "  ";

const verdictChars = 6;

const colours = { ok: "green", warn: "yellow", fail: "red" } as const;

/** Findings for people, below what they are about; what is to be done behind an arrow. Coloured if `output` takes it. */
export function renderFindings(
  findings: readonly Finding[],
  { widthChars, output }: { readonly widthChars: number; readonly output: NodeJS.WriteStream },
): string {
  const paint = ({ verdict }: Finding): string =>
    styleText(colours[verdict], verdict.padEnd(verdictChars), { stream: output });
  const bySubject = Map.groupBy(findings, ({ subject }) => subject);
  const blocks = [...bySubject].map(([subject, about]) =>
    [subject, ...about.flatMap((finding) => linesOf(finding, paint(finding), widthChars))].join(
      "\n",
    ),
  );
  return [...blocks, summaryOf(findings)].join("\n\n");
}

function linesOf({ found, remedy }: Finding, verdict: string, widthChars: number): string[] {
  const textChars = widthChars - indent.length - verdictChars;
  const [first = "", ...others] = wrapped(found, textChars);
  const remedyLines = remedy === null ? [] : wrapped(`→ ${remedy}`, textChars);
  const below = [...others, ...remedyLines].map((line) => `${" ".repeat(verdictChars)}${line}`);
  return [`${verdict}${first}`, ...below].map((line) => `${indent}${line}`);
}

function summaryOf(findings: readonly Finding[]): string {
  const counts = Object.keys(colours).map((verdict) => {
    const count = findings.filter((one) => one.verdict === verdict).length;
    return `${count} ${verdict}`;
  });
  return counts.join(", ");
}
