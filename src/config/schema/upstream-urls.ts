import type { z } from "zod";
import type { OutboundProxy } from "../config.ts";
import { upstreamNameProblem } from "../host.ts";
import { list, patternHint, text } from "./keys.ts";

/** `endpoints`. */
export function endpointsKey(): z.ZodType<readonly URL[]> {
  const example = "https://ghcr.io";
  const kind = "an http or https URL";
  const description =
    "A base URL, http or https. A path is kept in front of /v2/, and ?ns=HOST behind.";
  const item = text({ kind, description, example, hints: httpHint }, parseHttpUrl)
    .refine((url) => url.username === "" && url.password === "", {
      error: `credentials do not belong in a URL; write for example ${example}`,
    })
    .refine((url) => hasNoQueryButNs(url), {
      error: `a base URL has no fragment, and no query but ?ns=HOST; write for example ${example}`,
    })
    .refine((url) => !/\/v2\/?$/.test(url.pathname), {
      error: "ends in /v2, which every request begins with anyway; leave it out",
    })
    .refine(({ hostname }) => !dockerHubPages.includes(hostname), {
      error: "is a web page of Docker Hub and no registry; write https://registry-1.docker.io",
    });
  const wording = {
    kind: "a list of URLs",
    description: "Where the registry answers: base URLs, tried in order.",
    example: [example],
  };
  return list(item, wording).min(1, { error: `names no URL; write for example [${example}]` });
}

const dockerHubPages: readonly string[] = ["docker.io", "www.docker.com", "hub.docker.com"];

/** What containerd sends to mirrors, for an endpoint that is one. */
function hasNoQueryButNs({ href }: URL): boolean {
  const [, query, host] = /^[^?#]*(\?ns=([^&?#]*))?$/.exec(href) ?? [href, href, ""];
  return query === undefined || (host !== undefined && upstreamNameProblem(host) === null);
}

/** `proxy`. */
export function proxyKey(): z.ZodType<OutboundProxy> {
  return text(
    {
      kind: "an http or https URL, or direct",
      description:
        "The outbound proxy, or direct for none. Without it, HTTP_PROXY, HTTPS_PROXY and NO_PROXY count.",
      example: "http://proxy.internal:3128",
      hints: { anyOf: [{ const: "direct" }, httpHint] },
      secret: true,
    },
    parseProxy,
  )
    .optional()
    .transform((proxy) => proxy ?? { kind: "environment" });
}

const httpHint = patternHint(/^[Hh][Tt][Tt][Pp][Ss]?:\/\//);

function parseProxy(written: string): OutboundProxy | null {
  if (written === "direct") return { kind: "direct" };
  const url = parseHttpUrl(written);
  return url && { kind: "url", url };
}

// Without the slashes `http:name` is a URL too, and hardly what was meant.
function parseHttpUrl(written: string): URL | null {
  return /^https?:\/\//i.test(written) ? URL.parse(written) : null;
}
