import type { UpstreamConfig } from "../config/config.ts";
import { acceptAny } from "../oci/accept.ts";
import { parseReference } from "../oci/reference.ts";
import { parseRepository } from "../oci/repository.ts";
import { manifestAsk } from "../upstream/asks.ts";
import type { Endpoint } from "../upstream/endpoints/endpoint.ts";
import type { Answer } from "../upstream/exchange/exchange.ts";
import { fromNowhere } from "../upstream/exchange/place.ts";
import { refusalFrom } from "../upstream/failure.ts";
import { UpstreamError } from "../upstream/upstream-error.ts";
import { checkCertificate } from "./certificate-check.ts";
import type { Clock } from "./clock.ts";
import { type Finding, fail, ok } from "./finding.ts";
import { judgeGreeting } from "./greeting.ts";
import { checkLogin } from "./login-check.ts";
import { whyNoAnswer } from "./no-answer.ts";
import { judgeRateLimit } from "./rate-limit-headers.ts";

export interface ExaminedEndpoint {
  readonly upstream: UpstreamConfig;
  readonly endpoint: Endpoint;
  /** The outbound proxy that may be in between, as `host:port`; null if there is none. */
  readonly proxy: string | null;
}

export interface ExaminationTools {
  /** Is told what time the endpoint says it is. */
  readonly clock: Clock;
  /** The wall clock, in ms since the epoch. */
  readonly now: () => number;
  readonly stepLimitMs: number;
}

/**
 * An endpoint as pulls meet it: by the same connections, proxy, authorities and credentials. What is asked of it counts as
 * no pull.
 */
export async function* checkEndpoint(
  examined: ExaminedEndpoint,
  tools: ExaminationTools,
): AsyncGenerator<Finding> {
  await using endpoint = examined.endpoint;
  const { name } = examined.upstream;
  let greeting: Answer;
  try {
    greeting = await endpoint.greet();
  } catch (error) {
    const trouble = await whyNoAnswer(error, { ...examined, ...tools, asked: endpoint.url });
    yield fail(name, trouble.found, trouble.remedy);
    return;
  }
  greeting.body.discard();
  tools.clock.note(greeting.headers["date"]);
  const judged = judgeGreeting(greeting, examined);
  yield judged;
  if (endpoint.url.protocol === "https:" && examined.proxy === null) {
    yield* checkCertificate(examined, tools);
  }
  if (judged.verdict === "fail") return;
  const login = await checkLogin(examined, greeting, tools);
  yield* login;
  if (login.every(({ verdict }) => verdict === "ok")) yield* checkPull(examined);
}

// It is there since there is a Docker Hub, and of a HEAD Docker Hub says how many pulls are left without counting one. Of other
// registries no image is known that everybody may pull.
const known = { upstream: "docker.io", repository: "library/alpine", tag: "latest" } as const;

async function* checkPull({
  upstream: { name },
  endpoint,
}: ExaminedEndpoint): AsyncGenerator<Finding> {
  const repository = parseRepository(known.repository);
  const reference = parseReference(known.tag);
  if (name !== known.upstream || !repository || !reference) return;
  const place = { repository, ...fromNowhere };
  const answer = await endpoint.ask(manifestAsk("HEAD", place, { reference, accept: acceptAny }));
  answer.body.discard();
  const image = `${known.repository}:${known.tag}`;
  if (answer.status === 200) yield ok(name, `${image} can be pulled`);
  else if (answer.status !== 404) {
    const { message } = new UpstreamError(name, await refusalFrom(answer));
    yield fail(name, `asked for ${image}, ${message}`, "if it is a rate limit, name credentials");
  }
  yield* judgeRateLimit(name, answer.headers);
}
