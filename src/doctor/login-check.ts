import type { CredentialsConfig } from "../config/config.ts";
import { type Challenge, preferredChallenge } from "../upstream/challenge.ts";
import type { Answer } from "../upstream/exchange.ts";
import { TokenRefused } from "../upstream/token-server.ts";
import type { ExaminationTools, ExaminedEndpoint } from "./endpoint-check.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";
import { whyNoAnswer } from "./no-answer.ts";

/** Whether the endpoint lets us in, as `docker login` finds out; nothing where it lets everybody in. */
export async function checkLogin(
  examined: ExaminedEndpoint,
  greeting: Pick<Answer, "status" | "headers">,
  tools: ExaminationTools,
): Promise<readonly Finding[]> {
  const header = greeting.headers["www-authenticate"];
  const challenge = greeting.status === 401 ? preferredChallenge(header) : null;
  if (challenge === null) return [];
  const { upstream, endpoint } = examined;
  try {
    const answer = await endpoint.login(header);
    answer?.body.discard();
    if (upstream.credentials === null) return judgeAnonymous(examined, challenge);
    const refused = answer !== null && (answer.status === 401 || answer.status === 403);
    if (refused) return [refusedCredentials(examined, endpoint.url.host, answer.status)];
    return [ok(upstream.name, `${whose(upstream.credentials)} are accepted`)];
  } catch (error) {
    return [await judgeFailure(error, challenge, examined, tools)].filter((one) => one !== null);
  }
}

async function judgeFailure(
  error: unknown,
  challenge: Challenge,
  examined: ExaminedEndpoint,
  tools: ExaminationTools,
): Promise<Finding | null> {
  const { upstream, endpoint } = examined;
  const asked = (challenge.kind === "bearer" && URL.parse(challenge.realm)) || endpoint.url;
  if (!(error instanceof TokenRefused)) {
    const trouble = await whyNoAnswer(error, { ...examined, ...tools, asked });
    return fail(upstream.name, trouble.found, trouble.remedy);
  }
  // Some give nobody a token for nothing, and yet one for a public repository.
  if (upstream.credentials === null) return null;
  return refusedCredentials(examined, asked.host, error.status);
}

function judgeAnonymous(
  { upstream: { name }, endpoint }: ExaminedEndpoint,
  challenge: Challenge,
): readonly Finding[] {
  if (challenge.kind === "bearer") return [];
  return [
    warn(
      name,
      `${endpoint.url.host} lets nobody in without a password, and none is configured`,
      `name one: upstreams."${name}".credentials`,
    ),
  ];
}

function refusedCredentials(
  { upstream: { name, credentials } }: ExaminedEndpoint,
  host: string,
  status: number,
): Finding {
  if (status !== 401 && status !== 403) {
    return warn(
      name,
      `${host} answered with status ${status} when it was asked whether the credentials are right`,
      "ask again later; pulls show whether they are",
    );
  }
  const found = `${host} refuses ${credentials ? whose(credentials) : "us"} (status ${status})`;
  return fail(name, found, credentials && remedyFor(credentials, name));
}

function whose(credentials: CredentialsConfig): string {
  if (credentials.kind === "docker-config") return `the credentials of ${credentials.file}`;
  return `the user ${credentials.username} and the password`;
}

function remedyFor(credentials: CredentialsConfig, name: string): string {
  switch (credentials.kind) {
    case "password-file":
      return `put the right password into ${credentials.file}, or correct upstreams."${name}".credentials.username`;
    case "password":
      return `correct the variable that upstreams."${name}".credentials.password names, and restart`;
    case "docker-config":
      return `log in anew, so that ${credentials.file} has what is right: docker login`;
  }
}
