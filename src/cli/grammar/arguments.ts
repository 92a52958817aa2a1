import { isIP } from "node:net";
import { InvalidArgumentError } from "commander";
import { parseDuration, parseSize, type Size } from "../../config/units.ts";

/** A size or a share, as the configuration writes them. Throws InvalidArgumentError. */
export function sizeArgument(written: string): Size {
  const size = parseSize(written);
  if (size) return size;
  throw new InvalidArgumentError("It is not a size; write for example 20GiB or 50%.");
}

/** At least 1. Throws InvalidArgumentError. */
export function countArgument(written: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(written)) return Number(written);
  throw new InvalidArgumentError("It is not a count; write for example 100.");
}

/** Where a server answers: an http or https URL of a host alone. Throws InvalidArgumentError. */
export function addressArgument(written: string): URL {
  const url = URL.parse(written);
  if (url && /^https?:\/\/[^/?#@]+\/?$/i.test(written)) return url;
  throw new InvalidArgumentError(
    "It is not http:// or https:// with a host alone; write for example http://mirror.example.com:5000.",
  );
}

/** Bytes a second, infinite for `max`. Throws InvalidArgumentError. */
export function rateArgument(written: string): number {
  if (written === "max") return Number.POSITIVE_INFINITY;
  const size = parseSize(written);
  if (size?.kind === "bytes" && size.bytes > 0) return size.bytes;
  throw new InvalidArgumentError("It is no rate; write for example 100MiB, or max.");
}

/** A duration from a second to a day, in ms. Throws InvalidArgumentError. */
export function whileArgument(written: string): number {
  const durationMs = parseDuration(written) ?? 0;
  if (durationMs >= 1_000 && durationMs <= 86_400_000) return durationMs;
  throw new InvalidArgumentError("It is not a duration from 1s to 1d; write for example 10m.");
}

/** The address of a client. Throws InvalidArgumentError. */
export function clientArgument(written: string): string {
  if (isIP(written) !== 0) return written;
  throw new InvalidArgumentError("It is not an address; write for example 10.0.0.7.");
}
