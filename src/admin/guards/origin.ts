/** Where a request comes from, as far as it shows that: our own page, another site, or a program that does not say. */
export type Origin = "own" | "foreign" | "unknown";

/**
 * What a browser says of where a request comes from. A page can neither leave these headers out of a request that could
 * change something, nor write them.
 */
export function originOf(header: (name: string) => string | undefined): Origin {
  // Only told to addresses that browsers trust: over TLS, and on loopback.
  const site = header("sec-fetch-site") ?? "same-origin";
  if (site !== "same-origin") return "foreign";
  const origin = header("origin");
  if (origin === undefined) return "unknown";
  // The scheme may differ, behind a proxy that speaks TLS.
  const [, host] = /^https?:\/\/([^/]+)$/.exec(origin) ?? [];
  return host !== undefined && host === header("host") ? "own" : "foreign";
}
