import { lookup } from "node:dns/promises";
import { literalAddress } from "../upstream/exchange/reach.ts";
import { failureFrom, type NetworkError, networkErrorIn } from "../upstream/failure.ts";
import { tlsTroubleOf } from "../upstream/tls-trouble.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import type { ExaminationTools, ExaminedEndpoint } from "./endpoint-check.ts";
import type { Trouble } from "./finding.ts";

interface Asked extends ExaminedEndpoint, Pick<ExaminationTools, "now" | "stepLimitMs"> {
  /** The endpoint, or the token server that it names. */
  readonly asked: URL;
}

/** Why an endpoint, or its token server, gave no answer: in words, with what to do. */
export async function whyNoAnswer(error: unknown, asked: Asked): Promise<Trouble> {
  const network = networkErrorIn(error);
  const trouble = connectTrouble(network, asked) ?? tlsTrouble(network, asked);
  if (trouble) return trouble;
  if (network.code === "UND_ERR_CONNECT_TIMEOUT") return await noConnection(asked);
  const { message } = new UpstreamError(asked.upstream.name, failureFrom(error, "header"));
  return { found: message, remedy: null };
}

function connectTrouble(
  { code, hostname, address, port }: NetworkError,
  { upstream: { name }, asked, proxy, stepLimitMs }: Asked,
): Trouble | null {
  const place = address === undefined ? asked.host : `${address}:${port}`;
  const key = proxy === null ? `upstreams."${name}".endpoints` : `the proxy ${proxy}`;
  switch (code) {
    case "ENOTFOUND":
      return {
        found: `the name ${hostname ?? asked.hostname} has no address`,
        remedy: `look at its spelling in ${key}, and at this machine's name servers (/etc/resolv.conf)`,
      };
    case "EAI_AGAIN":
      return {
        found: `no name server answers for ${hostname ?? asked.hostname}`,
        remedy:
          "look at this machine's name servers (/etc/resolv.conf); in a container, at its network",
      };
    case "ECONNREFUSED":
      return {
        found: `${place === proxy ? "the proxy" : asked.host} refuses connections${place === asked.host ? "" : ` (at ${place})`}`,
        remedy: `is the registry running there? Look at host and port in ${key}, and at firewalls`,
      };
    case "ENETUNREACH":
    case "EHOSTUNREACH":
      return {
        found: `there is no way to ${place} (${code})`,
        remedy: `look at this machine's network and routes, and at ${key}`,
      };
    case "UND_ERR_HEADERS_TIMEOUT":
      return {
        found: `${asked.host} takes connections and answers nothing within ${stepLimitMs / 1000} s`,
        remedy: `something else may be listening there, or it hangs: look at ${key}, and at the registry`,
      };
    default:
      return null;
  }
}

function tlsTrouble({ code }: NetworkError, { upstream, asked, now }: Asked): Trouble | null {
  const keys = `upstreams."${upstream.name}".`;
  const trouble = tlsTroubleOf(code, { host: asked.host, keys });
  const isAboutTime = code === "CERT_HAS_EXPIRED" || code === "CERT_NOT_YET_VALID";
  if (!trouble || !isAboutTime) return trouble;
  return { ...trouble, found: `${trouble.found}, where it is ${new Date(now()).toISOString()}` };
}

/** Nobody refuses, and nobody answers: packets are thrown away, or the name server is what does not answer. */
async function noConnection({ asked, proxy, upstream, stepLimitMs }: Asked): Promise<Trouble> {
  const whom = proxy === null ? asked.host : `${asked.host} or the proxy ${proxy}`;
  const found = `${whom} takes no connection within ${stepLimitMs / 1000} s`;
  const silent =
    proxy === null && literalAddress(asked) === null && !(await isLookedUp(asked, stepLimitMs));
  if (silent) {
    return {
      found: `no name server says within ${stepLimitMs / 1000} s what ${asked.hostname} is`,
      remedy: "look at this machine's name servers (/etc/resolv.conf)",
    };
  }
  return {
    found,
    remedy: `let this machine out to ${asked.host} (firewall, route), or name an outbound proxy: upstreams."${upstream.name}".proxy`,
  };
}

async function isLookedUp({ hostname }: URL, limitMs: number): Promise<boolean> {
  const { promise: late, resolve } = Promise.withResolvers<false>();
  const timer = setTimeout(() => resolve(false), limitMs);
  try {
    return await Promise.race([lookup(hostname).then(() => true), late]);
  } finally {
    clearTimeout(timer);
  }
}
