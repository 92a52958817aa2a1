import type { Connections, Trust } from "./connections.ts";
import { type Answer, type ExchangeRequest, exchange } from "./exchange.ts";
import { ForbiddenHop, type HopGuard } from "./hop-guard.ts";

// Docker Hub, ghcr and quay need one, registry.k8s.io two.
const redirectLimit = 5;

const redirectStatuses = new Set([301, 302, 303, 307, 308]);

/** How far redirects are followed: wherever the guard allows, within the origin that was asked, or not at all. */
export type Follow = "anywhere" | "origin" | "nowhere";

/** The place that an endpoint redirected to gave no answer (`cause`); the endpoint did. */
export class HopFailed extends Error {
  constructor(cause: unknown) {
    super("a redirect led to a place that does not answer", { cause });
    this.name = "HopFailed";
  }
}

export interface Route {
  readonly connections: Connections;
  readonly guard: HopGuard;
  readonly trust: Trust;
  readonly follow: Follow;
}

/**
 * Asks the endpoint and follows its redirects to the answer. The guard judges every hop; credentials are
 * dropped for good when the origin changes. Rejects with ForbiddenHop or HopFailed, or as `exchange` does.
 */
export async function askEndpoint(request: ExchangeRequest, route: Route): Promise<Answer> {
  const way = route.connections.toEndpoint(request.url, route.trust);
  return await followRedirects(await exchange(way, request), request, route);
}

/** As `askEndpoint`, for a URL that the endpoint named (`from` is the endpoint). */
export async function askHop(request: ExchangeRequest, from: URL, route: Route): Promise<Answer> {
  await route.guard.assertAllowed(request.url, from);
  const way = route.connections.toHop(request.url, route.trust);
  return await followRedirects(await exchange(way, request), request, route);
}

async function followRedirects(
  first: Answer,
  asked: ExchangeRequest,
  route: Route,
): Promise<Answer> {
  let answer = first;
  let request = asked;
  for (let hops = 0; ; hops++) {
    const location = locationOf(answer);
    if (location === null || route.follow === "nowhere") return { ...answer, redirected: hops > 0 };
    answer.body.discard();
    if (hops === redirectLimit) throw new ForbiddenHop(`more than ${redirectLimit} redirects`);
    request = redirected(request, location);
    if (route.follow === "origin" && request.url.origin !== asked.url.origin) {
      throw new ForbiddenHop(`what carries credentials is not redirected to ${request.url.host}`);
    }
    answer = await exchangeWithHop(request, answer.url, route);
  }
}

async function exchangeWithHop(
  request: ExchangeRequest,
  from: URL,
  { guard, connections, trust }: Route,
): Promise<Answer> {
  try {
    await guard.assertAllowed(request.url, from);
    return await exchange(connections.toHop(request.url, trust), request);
  } catch (error) {
    throw error instanceof ForbiddenHop ? error : new HopFailed(error);
  }
}

function locationOf({ status, headers }: Answer): string | null {
  return redirectStatuses.has(status) ? (headers["location"] ?? null) : null;
}

function redirected(request: ExchangeRequest, location: string): ExchangeRequest {
  // A URL has no space in it: two Location headers, joined, would else be one place that nobody named.
  const url = location.includes(", ") ? null : URL.parse(location, request.url.href);
  if (!url) throw new ForbiddenHop("the Location header is no URL");
  if (url.origin === request.url.origin) return { ...request, url };
  const { authorization: _, ...headers } = request.headers;
  return { ...request, url, headers };
}
