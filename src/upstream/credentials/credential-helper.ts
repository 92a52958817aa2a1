import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { type Credentials, NoCredentials } from "./credentials.ts";

export interface HelperQuestion {
  /** `ecr-login` for the program `docker-credential-ecr-login`. */
  readonly helper: string;
  /** The registry's name, as helpers know it. */
  readonly server: string;
  /** The helper's environment; its PATH is where the program is looked for. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Aborting it kills the helper. */
  readonly signal: AbortSignal;
  /** Ten seconds unless it is given. */
  readonly limitMs?: number;
}

// A user, a password and some JSON; the longest secrets are tokens of a few KiB.
const outputLimitChars = 64 * 1024;

// Those of clouds ask a service of theirs. Whoever pulls waits: containerd gives up on a header after 30 s, and
// upstream has yet to be asked.
const defaultLimitMs = 10_000;

// What the helpers of Docker print, with exit code 1, for a server they do not know.
const notFound = "credentials not found in native keychain";

/**
 * Asks a credential helper by Docker's protocol: `get`, the server's name on stdin, JSON on stdout. null if it has
 * none. Rejects with NoCredentials, in which nothing stands that the helper wrote: it may be the secret.
 */
export async function askHelper(question: HelperQuestion): Promise<Credentials | null> {
  const program = programOf(question.helper);
  const { code, output } = await run(program, question);
  if (code === 0) return readAnswer(program, output);
  if (output.trim() === notFound) return null;
  const byHand = `printf '${question.server}' | ${program} get`;
  throw new NoCredentials(`${program} ended with ${code}; to see why, run: ${byHand}`);
}

// Without a slash it is looked for on PATH, and nowhere else.
function programOf(helper: string): string {
  if (/^[A-Za-z0-9][A-Za-z0-9._-]*$/.test(helper)) return `docker-credential-${helper}`;
  throw new NoCredentials(
    `${JSON.stringify(helper)} is no name of a credential helper; for docker-credential-pass it is pass`,
  );
}

interface Ended {
  /** The exit code, or the name of the signal that ended it. */
  readonly code: number | string;
  readonly output: string;
}

async function run(program: string, question: HelperQuestion): Promise<Ended> {
  const { server, env, signal, limitMs = defaultLimitMs } = question;
  const timeout = AbortSignal.timeout(limitMs);
  const child = start(program, env);
  const closed = once(child, "close");
  using _ = killedOn(AbortSignal.any([signal, timeout]), child);
  let output = "";
  child.stdout?.setEncoding("utf8").on("data", (text: string) => {
    output += text;
    if (output.length > outputLimitChars) killGroup(child);
  });
  // A helper that does not read its input may answer all the same.
  child.stdin?.on("error", () => {}).end(server);
  const [code, killedBy] = await closed.catch((error: unknown) => {
    throw new NoCredentials(`${program} cannot be run: ${whyNot(error)}`, { cause: error });
  });
  if (timeout.aborted) throw new NoCredentials(`${program} gave no answer in ${limitMs / 1000} s`);
  if (output.length > outputLimitChars) throw new NoCredentials(`${program} wrote over 64 KiB`);
  return { code: code ?? killedBy, output };
}

/** Its pipes are missing where there are no descriptors left; "error" then tells. */
function start(program: string, env: HelperQuestion["env"]): ChildProcess {
  return spawn(program, ["get"], { env, detached: true, stdio: ["pipe", "pipe", "ignore"] });
}

function killedOn(cut: AbortSignal, child: ChildProcess): Disposable {
  const kill = (): void => killGroup(child);
  if (cut.aborted) kill();
  cut.addEventListener("abort", kill);
  return { [Symbol.dispose]: () => cut.removeEventListener("abort", kill) };
}

/** The group, because helpers are often scripts, and what those run would live on. */
function killGroup({ pid, stdout }: ChildProcess): void {
  // What has left the group may hold the pipe open for ever.
  stdout?.destroy();
  try {
    if (pid !== undefined) process.kill(-pid, "SIGKILL");
  } catch {
    // It has ended by itself.
  }
}

function whyNot(error: unknown): string {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return code === "ENOENT" ? "there is no such program on PATH" : String(error);
}

// For identity tokens helpers know no field of their own.
const identityTokenUser = "<token>";

function readAnswer(program: string, output: string): Credentials | null {
  const { Username: username, Secret: secret } = parseObject(output);
  if (typeof username !== "string" || typeof secret !== "string") {
    throw new NoCredentials(`${program} did not answer with a Username and a Secret`);
  }
  if (username === "" && secret === "") return null;
  if (username === identityTokenUser) return { kind: "identity-token", token: secret };
  return { kind: "password", username, password: secret };
}

function parseObject(text: string): Readonly<Record<string, unknown>> {
  try {
    return { ...JSON.parse(text) };
  } catch {
    // No JSON: the same as JSON without what it should hold.
    return {};
  }
}
