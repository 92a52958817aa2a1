import { counted } from "../../config/counted.ts";
import { formatBytes } from "../../config/units.ts";
import type { OutageProblem } from "./outage.ts";

/** What would be wrong with an image while its upstream gives no answer, as a sentence without its end. */
export function outageWords({ kind, count, bytes }: OutageProblem): string {
  const content = `${counted(count, "blob")} (${formatBytes(bytes)})`;
  switch (kind) {
    case "denied":
      return "a rule denies it";
    case "not-kept":
      return "a rule says that it is not stored";
    case "unknown":
      return "its manifest is not here: evicted, or never pulled";
    case "too-old":
      return "its tag was checked longer ago than freshness.staleIfError";
    case "not-public":
      return "its repository was never shown to everyone";
    case "no-platform":
      return "its index is here, but no platform of it";
    case "missing":
      return `${content} not here: evicted, or never pulled`;
    case "unproven":
      return `${content} here, but never proven to be of this repository`;
  }
}
