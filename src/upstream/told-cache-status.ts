import type { Answer } from "./exchange/exchange.ts";

/** What the caches between us and the registry say of an answer, in its `Cache-Status` header (RFC 9211). */
export interface ToldCacheStatus {
  /** The whole header as it may be passed on: a list that ours is appended to. */
  readonly text: string;
  /** Why the mirror that answered us had no better answer; null if that is no sluice, or gave no reason. */
  readonly mirrorsReason: string | null;
}

// Twenty mirrors with a word each, or a few with sentences. Longer ones are left out: every client would be sent them.
const limitChars = 2_000;

// RFC 8941, sections 3.1 and 3.3. No part of one can be read as part of the next, so matching takes linear time.
const token = String.raw`[A-Za-z*][\w!#$%&'*+.^\x60|~:/-]*`;
const string = String.raw`"(?:[\x20\x21\x23-\x5b\x5d-\x7e]|\\["\\])*"`;
const number = String.raw`-?\d{1,15}(?:\.\d{1,3})?`;
const bytes = ":[A-Za-z0-9+/=]*:";
const value = `(?:${number}|${string}|${token}|${bytes}|\\?[01])`;
const parameter = `; *[a-z*][a-z0-9_.*-]*(?:=${value})?`;
const member = `(?:${token}|${string})(?:${parameter})*`;
const list = new RegExp(String.raw`^(?:${member}[ \t]*,[ \t]*)*(?<last>${member})$`);
const detail = new RegExp(`; *detail=(?<sentence>${string})`);

/** null if there is no such header, or one that is no list of caches. */
export function toldCacheStatus(header: string | undefined): ToldCacheStatus | null {
  if (header === undefined || header.length > limitChars) return null;
  const text = header.trim();
  const last = list.exec(text)?.groups?.["last"];
  if (last === undefined) return null;
  return { text, mirrorsReason: /^sluice(?:;|$)/.test(last) ? sentenceIn(last) : null };
}

/** The whole of what they say of this answer; null if nothing. */
export function cacheStatusOf({ headers }: Pick<Answer, "headers">): string | null {
  return toldCacheStatus(headers["cache-status"])?.text ?? null;
}

/** Why the mirror that sent this has no better answer, where it is one that tells of trouble; null otherwise. */
export function relayedReason({
  status,
  redirected,
  headers,
}: Pick<Answer, "status" | "redirected" | "headers">): string | null {
  if (redirected || status < 400) return null;
  return toldCacheStatus(headers["cache-status"])?.mirrorsReason ?? null;
}

function sentenceIn(sluice: string): string | null {
  const sentence = detail.exec(sluice)?.groups?.["sentence"];
  return sentence?.slice(1, -1).replace(/\\(["\\])/g, "$1") || null;
}
