import type { Answer } from "../upstream/exchange/exchange.ts";
import type { ExaminedEndpoint } from "./endpoint-check.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** What an endpoint's answer to `GET /v2/` says of it: 200 or 401, if it is a registry and well. */
export function judgeGreeting(
  { status, headers }: Pick<Answer, "status" | "headers">,
  {
    upstream: { name },
    endpoint: { url },
    proxy,
  }: Pick<ExaminedEndpoint, "upstream" | "proxy"> & { readonly endpoint: { readonly url: URL } },
): Finding {
  const shown = url.href.replace(/\/$/, "");
  const key = `upstreams."${name}".endpoints`;
  if (/^text\/html\b/i.test(headers["content-type"] ?? "") && status < 500) {
    return fail(
      name,
      `${shown} answers with a page, as no registry does`,
      `correct ${key}; or a proxy or a login of the network is in between`,
    );
  }
  if (status === 200 || status === 401) {
    return ok(
      name,
      `${shown} answers${proxy === null ? "" : `, asked through the proxy ${proxy} or directly`}`,
    );
  }
  if (status === 404 || (status >= 300 && status < 400)) {
    return fail(
      name,
      `${shown} has no /v2/ (status ${status})`,
      `correct ${key}: the path before /v2/ belongs to it`,
    );
  }
  const found = `${shown} answers with status ${status}`;
  if (status === 429)
    return warn(name, `${found}: it has been asked too often`, "wait; or name credentials");
  if (status >= 500)
    return fail(name, found, "it is in trouble itself: see its status page, or add an endpoint");
  return fail(
    name,
    found,
    `does it speak ${url.protocol.slice(0, -1)}, and may this machine ask it? See ${key}`,
  );
}
