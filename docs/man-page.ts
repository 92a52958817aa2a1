import type { DescribedCommand, DescribedTerm } from "../src/cli/described.ts";
import { type Passage, passagesOf } from "./passages.ts";

/** The commands as a page for man(1), section 1: what `sluice help` says of each. */
export function manPage(program: DescribedCommand, version: string): string {
  return `${[
    `.TH SLUICE 1 "" "sluice ${version}" "User Commands"`,
    ".SH NAME",
    `sluice \\- ${escaped(program.description.replace(/^A /, "a ").replace(/\.$/, ""))}`,
    ".SH SYNOPSIS",
    ".B sluice",
    escaped(program.usage.replace(/^sluice /, "")),
    ".SH DESCRIPTION",
    ...passagesOf(program.text).flatMap(roffOf),
    ".SH OPTIONS",
    ...program.options.flatMap(termLines),
    ".SH COMMANDS",
    ...program.commands.flatMap(commandLines),
  ].join("\n")}\n`;
}

function commandLines(command: DescribedCommand): string[] {
  const { usage, description, commands } = command;
  return [
    `.SS ${escaped(usage)}`,
    escaped(description),
    ...command.arguments.flatMap(termLines),
    ...command.options.flatMap(termLines),
    ...passagesOf(command.text).flatMap(roffOf),
    ...commands.flatMap(commandLines),
  ];
}

function termLines({ term, description }: DescribedTerm): string[] {
  return [".TP", `.B ${escaped(term)}`, escaped(description)];
}

function roffOf({ kind, lines }: Passage): string[] {
  if (kind === "prose") return [".PP", ...lines.map(escaped)];
  return [".PP", ".RS 2", ".nf", ...lines.map(escaped), ".fi", ".RE"];
}

/** Text that roff takes as it is: no request at its start, and hyphens that can be copied. */
function escaped(text: string): string {
  const plain = text.replaceAll("\\", "\\e").replaceAll("-", "\\-");
  return /^[.']/.test(plain) ? `\\&${plain}` : plain;
}
