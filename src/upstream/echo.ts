/**
 * Whether an upstream's words hold what was sent to it in an `Authorization` header, whole or in part. Some servers
 * send back in their errors what they were asked with, and errors go to clients and logs.
 */
export function repeatsCredentials(words: string, authorization: string): boolean {
  const [scheme = "", encoded = ""] = authorization.split(" ", 2);
  // The padding may have been escaped.
  if (words.includes(encoded.replace(/={1,2}$/, ""))) return true;
  if (scheme !== "Basic") return false;
  const pair = Buffer.from(encoded, "base64").toString("utf8");
  const colon = pair.indexOf(":");
  const password = pair.slice(colon + 1);
  return (password !== "" && words.includes(password)) || hasWord(words, pair.slice(0, colon));
}

// Names are short: that "me" is within "name" means nothing.
function hasWord(words: string, name: string): boolean {
  return words.split(/[^\p{L}\p{N}._@$-]+/u).includes(name);
}
