import { resolve } from "node:path";
import type { z } from "zod";
import { type LogLevel, logLevels } from "../config.ts";
import { hostPattern, hostProblem, upstreamNamePattern, upstreamNameProblem } from "../host.ts";
import { type ListenAddress, listenPattern, parseListenAddress } from "../listen-address.ts";
import { type Network, networkPattern, parseNetwork } from "../network.ts";
import {
  durationPattern,
  durationUnits,
  parseDuration,
  parseSize,
  type Size,
  sizePattern,
  sizeUnits,
} from "../units.ts";
import { list, patternHint, quoted, text } from "./keys.ts";

/** What is said about one key of a kind. */
interface About {
  readonly description: string;
  readonly example: string;
}

/** A path, made absolute: relative to `directory`. */
export function pathKey(directory: string, about: About): z.ZodType<string> {
  const tilde = resolve(directory, "~");
  return text({ kind: "a path", hints: { minLength: 1 }, ...about }, (written) =>
    written === "" || written.includes("\0") ? null : resolve(directory, written),
  ).refine((path) => path !== tilde && !path.startsWith(`${tilde}/`), {
    // A directory of that name is never what was meant.
    error: `"~" is not the home directory here; write \${HOME}/…`,
  });
}

/** A duration, in ms. */
export function durationKey(about: About): z.ZodType<number> {
  const hints = patternHint(durationPattern);
  return text({ kind: "a duration", units: durationUnits, hints, ...about }, parseDuration);
}

export function sizeKey({ description, example }: About): z.ZodType<Size> {
  const whole = `${description} A size (50GiB, 500MB) or a share of the disk (80%).`;
  const hints = patternHint(sizePattern);
  const units = sizeUnits;
  return text({ kind: "a size", description: whole, example, hints, units }, parseSize);
}

export function listenKey({ description, example }: About): z.ZodType<ListenAddress> {
  const whole = `${description} host:port, IPv6 in brackets; :5000 means every interface.`;
  const hints = patternHint(listenPattern);
  return text({ kind: "a host:port", description: whole, example, hints }, parseListenAddress);
}

export function levelKey(about: About): z.ZodType<LogLevel> {
  const kind = `one of ${logLevels.join(", ")}`;
  // As `anyOf`, so that editors offer the levels and a variable is right too.
  const hints = { anyOf: [{ enum: logLevels }, patternHint()] };
  return text(
    { kind, hints, ...about },
    (written) => logLevels.find((level) => level === written) ?? null,
  );
}

/** Some networks, or addresses. */
export function networksKey(description: string): z.ZodType<readonly Network[]> {
  const item = text(
    {
      kind: "an address or a network",
      description: "As 192.0.2.1, 10.0.0.0/8 or fd00::/8.",
      example: "10.0.0.0/8",
      hints: patternHint(networkPattern),
    },
    parseNetwork,
  );
  return list(item, {
    kind: "a list of networks",
    description,
    example: ["10.0.0.0/8", "fd00::/8"],
  }).min(1, { error: "names none; write for example [10.0.0.0/8], or remove the key" });
}

/** A value of a `Host` header. */
export function hostKey(about: About): z.ZodType<string> {
  return checked({ kind: "a host", hints: patternHint(hostPattern), ...about }, hostProblem);
}

/** A name that an upstream may have. */
export function upstreamNameKey(about: About): z.ZodType<string> {
  const hints = patternHint(upstreamNamePattern);
  return checked({ kind: "the name of an upstream", hints, ...about }, upstreamNameProblem);
}

function checked(
  wording: About & { readonly kind: string; readonly hints: Readonly<Record<string, unknown>> },
  problemOf: (text: string) => string | null,
): z.ZodType<string> {
  return text(wording, (written) => written).superRefine((written, context) => {
    const problem = problemOf(written);
    if (problem !== null) context.addIssue(`${quoted(written)} ${problem}`);
  });
}
