import { ChangingFile } from "../../config/files/changing-file.ts";
import {
  type DockerAuth,
  type DockerConfig,
  readDockerConfig,
} from "../../config/files/docker-config.ts";
import { withoutEnd } from "../../config/files/without-end.ts";
import type { Log } from "../../telemetry/log.ts";
import { SingleFlight } from "../single-flight.ts";
import { askHelper } from "./credential-helper.ts";
import { type CredentialSource, type Credentials, NoCredentials } from "./credentials.ts";
import { dockerServerName, entryFor } from "./docker-server-names.ts";

export interface DockerConfigCredentialsOptions {
  /** The Docker `config.json`. */
  readonly file: string;
  readonly upstream: string;
  /** The environment of credential helpers. */
  readonly env: Readonly<Record<string, string | undefined>>;
  readonly monotonicMs: () => number;
  readonly log: Log;
}

// To run a program costs milliseconds and may cost a cloud a question. Passwords of clouds live for hours (ECR's for
// twelve), and are asked for again at once when they are refused.
const rememberMs = 5 * 60_000;

// Pulls of what we may not have are refused all the time; the helper cannot have more to say each time.
const renewMs = 10_000;

interface Remembered {
  readonly helper: string;
  readonly credentials: Credentials | null;
  readonly askedAtMs: number;
}

/** Credentials as Docker keeps them: in a `config.json`, or with a credential helper that it names. */
export class DockerConfigCredentials implements CredentialSource {
  readonly #options: DockerConfigCredentialsOptions;
  readonly #config: ChangingFile<DockerConfig>;
  readonly #asking = new SingleFlight<Remembered>();
  readonly #end = new AbortController();
  #remembered: Remembered | null = null;
  #warned = false;

  constructor(options: DockerConfigCredentialsOptions) {
    this.#options = options;
    this.#config = new ChangingFile(options.file, configIn);
  }

  async credentials(): Promise<Credentials | null> {
    const found = await this.#find();
    if (found === null) this.#warnOnce();
    return found;
  }

  renew(): void {
    this.#config.forget();
    if (!this.#isYoungerThan(renewMs)) this.#remembered = null;
  }

  [Symbol.dispose](): void {
    this.#end.abort();
  }

  async #find(): Promise<Credentials | null> {
    const { upstream, file } = this.#options;
    const { credHelpers, credsStore, auths } = await this.#config.content();
    const helper = entryFor(credHelpers, upstream);
    if (helper !== undefined) return await this.#byHelper(helper);
    const stored = credsStore === "" ? null : await this.#byHelper(credsStore);
    const auth = entryFor(auths, upstream);
    return stored ?? (auth ? credentialsIn(auth, file) : null);
  }

  #warnOnce(): void {
    if (this.#warned) return;
    this.#warned = true;
    const { upstream, file, log } = this.#options;
    log.warn(
      { upstream, file },
      "the Docker configuration has no credentials for it, pulls are anonymous",
    );
  }

  async #byHelper(helper: string): Promise<Credentials | null> {
    const last = this.#remembered;
    if (last?.helper === helper && this.#isYoungerThan(rememberMs)) return last.credentials;
    const { result } = this.#asking.run(helper, () => this.#ask(helper));
    this.#remembered = await result;
    return this.#remembered.credentials;
  }

  async #ask(helper: string): Promise<Remembered> {
    const { upstream, env, monotonicMs } = this.#options;
    const server = dockerServerName(upstream);
    const credentials = await askHelper({ helper, server, env, signal: this.#end.signal });
    return { helper, credentials, askedAtMs: monotonicMs() };
  }

  #isYoungerThan(ageMs: number): boolean {
    return this.#options.monotonicMs() - (this.#remembered?.askedAtMs ?? -Infinity) < ageMs;
  }
}

/** Whether a Docker configuration says anything of an upstream; what a helper then has for it, only the helper knows. */
export function namesUpstream(
  { auths, credHelpers, credsStore }: DockerConfig,
  upstream: string,
): boolean {
  return (
    credsStore !== "" || [auths, credHelpers].some((table) => entryFor<unknown>(table, upstream))
  );
}

async function configIn(path: string): Promise<DockerConfig> {
  const file = await readDockerConfig(path);
  if (file.kind === "config") return file.config;
  throw new NoCredentials(`the Docker configuration ${file.message}`);
}

/** null for an empty entry: Docker leaves one where a helper has the credentials. */
function credentialsIn(entry: DockerAuth, file: string): Credentials | null {
  if (entry.identitytoken !== "") return { kind: "identity-token", token: entry.identitytoken };
  if (entry.auth !== "") return decoded(entry.auth, file);
  const { username, password } = entry;
  return username === "" && password === "" ? null : { kind: "password", username, password };
}

function decoded(auth: string, file: string): Credentials {
  // Docker itself has written passwords with zeros behind them.
  const text = withoutEnd(Buffer.from(auth, "base64").toString("utf8"), "\0");
  const colon = text.indexOf(":");
  if (colon > 0) {
    return { kind: "password", username: text.slice(0, colon), password: text.slice(colon + 1) };
  }
  throw new NoCredentials(
    `the Docker configuration ${file} has an "auth" for this registry that is no user:password in base64; "docker login" writes one`,
  );
}
