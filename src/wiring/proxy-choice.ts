import type { OutboundProxy } from "../config/config.ts";
import type { ProxyChoice } from "../upstream/exchange/connections.ts";

/** The proxies that a configuration means, those of the environment included. */
export function proxyChoice(
  proxy: OutboundProxy,
  env: Readonly<Record<string, string | undefined>>,
): ProxyChoice {
  switch (proxy.kind) {
    case "direct":
      return { httpProxy: "", httpsProxy: "", noProxy: "" };
    case "url":
      return { httpProxy: proxy.url.href, httpsProxy: proxy.url.href, noProxy: "" };
    case "environment":
      return {
        httpProxy: env["http_proxy"] ?? env["HTTP_PROXY"] ?? "",
        httpsProxy: env["https_proxy"] ?? env["HTTPS_PROXY"] ?? "",
        noProxy: env["no_proxy"] ?? env["NO_PROXY"] ?? "",
      };
  }
}
