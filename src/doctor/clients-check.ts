import { request as httpRequest } from "node:http";
import { request as httpsRequest } from "node:https";
import type { Config, UpstreamConfig } from "../config/config.ts";
import { formatListenAddress, type ListenAddress } from "../config/listen-address.ts";
import { isLoopbackName } from "../config/loopback.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

export interface ExaminedListener {
  readonly config: Config;
  readonly listening: ListenAddress;
  readonly stepLimitMs: number;
}

const subject = "clients";

/** Every way in which clients ask, tried at the listener itself; nothing is asked of an upstream for it. */
export async function* checkClients(examined: ExaminedListener): AsyncGenerator<Finding> {
  yield judgeReach(examined.listening);
  const greeting = await answerTo({ target: "/v2/" }, examined);
  if (greeting === 401 || greeting === 403) return yield judgeRefusal(greeting);
  const ways = waysOf(examined.config.upstreams);
  const answers = await Promise.all(ways.map((way) => answerTo(way, examined)));
  const wrong = ways.flatMap((way, at) => judge(way, answers[at] ?? null) ?? []);
  yield* wrong;
  if (wrong.length > 0) return;
  const names = examined.config.upstreams.map(({ name }) => name).join(", ");
  yield ok(
    subject,
    `dockerd, containerd (?ns=), podman and BuildKit (a host before the name) reach ${names}`,
  );
  const hosts = examined.config.upstreams.flatMap((upstream) => upstream.hosts);
  if (hosts.length > 0) yield ok(subject, `the Host headers ${hosts.join(", ")} are understood`);
  yield ok(subject, "a registry that is not configured is refused");
}

function judgeReach(listening: ListenAddress): Finding {
  const shown = formatListenAddress(listening);
  if (!isLoopbackName(listening.host))
    return ok(subject, `the registry API listens on ${shown}, for other machines too`);
  return warn(
    subject,
    `the registry API listens on ${shown}, which only this machine reaches`,
    "for clients elsewhere set server.listen to 0.0.0.0:5000, or put a reverse proxy before it",
  );
}

/** By the rules of the configuration; whoever does not run what it says refuses for another reason. */
function judgeRefusal(status: 401 | 403): Finding {
  const what =
    status === 401
      ? "clients must log in (server.auth)"
      : "this machine itself may pull nothing (server.access)";
  return ok(subject, `${what}, so the ways in which they ask were not tried`);
}

/** A way to ask, and what it must be answered with. */
interface Way {
  /** Such as `containerd (?ns=ghcr.io)`. */
  readonly by: string;
  readonly target: string;
  readonly host?: string;
  readonly status: number;
}

// No such host is ever configured: RFC 2606 keeps the name free.
const unknown = "doctor.invalid";

// No name of a repository, so that the mirror refuses it by itself (400), but only once it knows the upstream (else 404).
const nowhere = "NOWHERE/manifests/latest";

function waysOf(upstreams: readonly UpstreamConfig[]): readonly Way[] {
  const unnamed = greetingOf(upstreams.find((one) => one.default));
  return [
    { by: "dockerd (/v2/)", target: "/v2/", status: unnamed },
    { by: "an unknown Host header", target: "/v2/", host: unknown, status: unnamed },
    { by: `an unknown ?ns=${unknown}`, target: `/v2/?ns=${unknown}`, status: 404 },
    { by: `an unknown host (/v2/${unknown}/…)`, target: `/v2/${unknown}/${nowhere}`, status: 404 },
    ...upstreams.flatMap((upstream) => [
      ...[upstream.name, ...upstream.aliases].flatMap((name) => waysByName(name, upstream)),
      ...upstream.hosts.flatMap((host) => waysByHost(host, upstream, upstreams)),
    ]),
  ];
}

/** Whoever asks without a login is asked for one, where it is theirs that counts. */
function greetingOf(upstream: UpstreamConfig | undefined): number {
  return upstream?.access === "forward" ? 401 : 200;
}

function waysByName(name: string, upstream: UpstreamConfig): readonly Way[] {
  const status = greetingOf(upstream);
  return [
    { by: `containerd (?ns=${name})`, target: `/v2/?ns=${encodeURIComponent(name)}`, status },
    { by: `a path before /v2 (/${name}/v2/)`, target: `/${name}/v2/`, status },
    { by: `podman and BuildKit (/v2/${name}/…)`, target: `/v2/${name}/${nowhere}`, status: 400 },
  ];
}

/** By the header alone, and together with another upstream, which contradicts it if it counts. */
function waysByHost(
  host: string,
  { name }: UpstreamConfig,
  upstreams: readonly UpstreamConfig[],
): readonly Way[] {
  const by = `the Host header ${host}`;
  const other = upstreams.find((one) => one.name !== name);
  return [
    { by, host, target: `/v2/${name}/${nowhere}`, status: 400 },
    ...(other ? [{ by, host, target: `/v2/${other.name}/${nowhere}`, status: 404 }] : []),
  ];
}

/** The status of the answer, or why there is none. */
async function answerTo(
  { target, host }: Pick<Way, "target" | "host">,
  { config, listening, stepLimitMs }: ExaminedListener,
): Promise<number | string> {
  const { promise, resolve } = Promise.withResolvers<number | string>();
  const request = config.server.tls.length === 0 ? httpRequest : httpsRequest;
  request({
    host: reachable(listening.host),
    port: listening.port,
    path: target,
    headers: { "user-agent": "sluice-doctor", ...(host === undefined ? {} : { host }) },
    agent: false,
    // It is this very process that is asked; what clients believe is not known here.
    rejectUnauthorized: false,
    signal: AbortSignal.timeout(stepLimitMs),
  })
    .on("response", (response) => resolve(response.resume().statusCode ?? 0))
    .on("error", ({ message }) => resolve(message))
    .end();
  return await promise;
}

/** An address that a listener on every interface is reached by. */
function reachable(host: string): string {
  if (host === "0.0.0.0") return "127.0.0.1";
  return host === "" || host === "::" ? "::1" : host;
}

function judge({ by, status }: Way, answer: number | string | null): Finding | null {
  if (answer === status) return null;
  const got = typeof answer === "number" ? `status ${answer} in place of ${status}` : answer;
  return fail(
    subject,
    `asked by ${by}, the listener answers: ${got}`,
    "see the mirror's log; restart it",
  );
}
