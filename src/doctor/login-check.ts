import type { CredentialsConfig } from "../config/config.ts";
import type { Answer } from "../upstream/exchange/exchange.ts";
import { type Challenge, preferredChallenge } from "../upstream/tokens/challenge.ts";
import { TokenRefused } from "../upstream/tokens/token-server.ts";
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
  if (greeting.status !== 401 || preferredChallenge(header) === null) return [];
  const { credentials } = examined.upstream;
  if (credentials.length === 0)
    return await tryLogin({ ...examined, place: 0, who: null }, header, tools);
  const findings: Finding[] = [];
  for (const [place, who] of credentials.entries()) {
    if (who.kind === "anonymous") continue;
    findings.push(...(await tryLogin({ ...examined, place, who }, header, tools)));
  }
  return findings;
}

/** One of the accounts of an endpoint. */
interface Login extends ExaminedEndpoint {
  readonly place: number;
  /** null: nobody. */
  readonly who: Named | null;
}

type Named = Exclude<CredentialsConfig, { kind: "anonymous" }>;

async function tryLogin(
  login: Login,
  header: string | undefined,
  tools: ExaminationTools,
): Promise<readonly Finding[]> {
  const { upstream, endpoint, place, who } = login;
  const challenge = preferredChallenge(header);
  if (challenge === null) return [];
  try {
    const answer = await endpoint.login(header, place);
    answer?.body.discard();
    if (who === null) return judgeAnonymous(login, challenge);
    const refused = answer !== null && (answer.status === 401 || answer.status === 403);
    if (refused)
      return [
        refusedCredentials(upstream.name, who, { host: endpoint.url.host, status: answer.status }),
      ];
    return [ok(upstream.name, `${whose(who)} are accepted`)];
  } catch (error) {
    return [await judgeFailure(error, challenge, login, tools)].filter((one) => one !== null);
  }
}

async function judgeFailure(
  error: unknown,
  challenge: Challenge,
  login: Login,
  tools: ExaminationTools,
): Promise<Finding | null> {
  const { upstream, endpoint, who } = login;
  const asked = (challenge.kind === "bearer" && URL.parse(challenge.realm)) || endpoint.url;
  if (!(error instanceof TokenRefused)) {
    const trouble = await whyNoAnswer(error, { ...login, ...tools, asked });
    return fail(upstream.name, trouble.found, trouble.remedy);
  }
  // Some give nobody a token for nothing, and yet one for a public repository.
  return who && refusedCredentials(upstream.name, who, { host: asked.host, status: error.status });
}

function judgeAnonymous(
  { upstream: { name, access }, endpoint }: ExaminedEndpoint,
  challenge: Challenge,
): readonly Finding[] {
  // Clients bring theirs.
  if (challenge.kind === "bearer" || access === "forward") return [];
  return [
    warn(
      name,
      `${endpoint.url.host} lets nobody in without a password, and none is configured`,
      `name one: upstreams."${name}".credentials`,
    ),
  ];
}

function refusedCredentials(
  name: string,
  who: Named,
  { host, status }: { readonly host: string; readonly status: number },
): Finding {
  if (status !== 401 && status !== 403) {
    return warn(
      name,
      `${host} answered with status ${status} when it was asked whether the credentials are right`,
      "ask again later; pulls show whether they are",
    );
  }
  return fail(name, `${host} refuses ${whose(who)} (status ${status})`, remedyFor(who, name));
}

function whose(credentials: Named): string {
  if (credentials.kind === "docker-config") return `the credentials of ${credentials.file}`;
  return `the user ${credentials.username} and the password`;
}

function remedyFor(credentials: Named, name: string): string {
  switch (credentials.kind) {
    case "password-file":
      return `put the right password into ${credentials.file}, or correct upstreams."${name}".credentials.username`;
    case "password":
      return `correct the variable that upstreams."${name}".credentials.password names, and restart`;
    case "docker-config":
      return `log in anew, so that ${credentials.file} has what is right: docker login`;
  }
}
