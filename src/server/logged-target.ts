import { splitTarget } from "../oci/route.ts";

// Clients choose what they ask for; a log line is not the place for all of it.
const limitChars = 512;

// What the registry API knows. Whoever reaches the mirror by a signed URL, or with a token in it, has other parameters.
const known: ReadonlySet<string> = new Set(["ns", "n", "last", "next_page", "artifactType"]);

const left = "…";

/** A request target as the log has it: with no parameter but those that mean something here, and without user info. */
export function loggedTarget(target: string): string {
  // Most are, and to look for more takes as long as to write the line.
  if (target.startsWith("/") && !target.includes("?")) return target.slice(0, limitChars);
  const { path, query } = splitTarget(target);
  const told = [...query].filter(([name]) => known.has(name));
  const parameters = told.map(([name, value]) => `${name}=${encodeURIComponent(value)}`);
  if (told.length < query.size) parameters.push(left);
  const shown = path.replace(/^([a-z]+:\/\/)[^/]*@/i, `$1${left}@`);
  const text = parameters.length === 0 ? shown : `${shown}?${parameters.join("&")}`;
  return text.slice(0, limitChars);
}
