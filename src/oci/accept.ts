import { createHash } from "node:crypto";

/** Which media types a client takes, from its `Accept` header (RFC 9110, section 12.5.1). */
export interface Accept {
  /** The types that are taken, sorted: what an answer may depend on. "" for any. */
  readonly list: string;
  /** A short name for the list, "" for any: what is known by it must not grow with what clients write. */
  readonly variant: string;
  readonly takes: (mediaType: string) => boolean;
}

export const acceptAny: Accept = { list: "", variant: "", takes: () => true };

// 96 bits of a hash: two lists of one name would need somebody to look for them for centuries, and gain a wrong type.
const variantChars = 16;

// A list is kept with the answer to it. The longest that clients are known to send has 600 characters.
const listLimitChars = 2_000;

/** Without a header anything is taken, and so it is with one that is too long to be meant. */
export function parseAccept(header: string | undefined): Accept {
  if (header === undefined) return acceptAny;
  const types = [...new Set(header.split(",").flatMap(typeIn))].sort();
  const list = types.join(",");
  if (types.length === 0 || types.includes("*/*") || list.length > listLimitChars) return acceptAny;
  const variant = createHash("sha256").update(list).digest("base64url").slice(0, variantChars);
  return { list, variant, takes: (mediaType) => types.some((type) => matches(type, mediaType)) };
}

function typeIn(part: string): string[] {
  const [type = "", ...parameters] = part.split(";").map((text) => text.trim().toLowerCase());
  const refused = parameters.some((parameter) => /^q=0(?:\.0*)?$/.test(parameter));
  return /^[\w.+*-]+\/[\w.+*-]+$/.test(type) && !refused ? [type] : [];
}

function matches(type: string, mediaType: string): boolean {
  if (type.endsWith("/*")) return mediaType.startsWith(type.slice(0, -1));
  return type === mediaType;
}
