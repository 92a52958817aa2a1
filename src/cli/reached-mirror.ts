import { Readable } from "node:stream";
import { text } from "node:stream/consumers";
import { createAdminApi } from "../admin/admin.ts";
import type { AdminApi } from "../admin/admin-tools.ts";
import type { FailedLine } from "../admin/json-lines.ts";
import type { Config } from "../config/config.ts";
import type { LoadedConfig } from "../config/load-config.ts";
import { DirectoryTaken } from "../storage/directory-lock.ts";
import { layoutOf } from "../storage/layout.ts";
import { createErrorLog } from "../telemetry/log.ts";
import { openMirror } from "../wiring/open-mirror.ts";
import { CommandError, WrongUsage } from "./command-error.ts";
import type { CommandOptions } from "./command-options.ts";
import { configurationOf } from "./configuration.ts";
import { type Answer, askDaemon, type Question } from "./control.ts";
import { refuseWithoutCatalog } from "./nothing-stored.ts";
import { version } from "./version.ts";

type Ask = (question: Question) => Promise<Answer>;

/** The mirror of a configuration as commands ask it: the daemon that runs, or the mirror opened by this process. */
export class ReachedMirror implements AsyncDisposable {
  readonly config: Config;
  readonly #ask: Ask;
  readonly #owned: AsyncDisposable;

  constructor(config: Config, reached: { ask: Ask; owned: AsyncDisposable }) {
    this.config = config;
    this.#ask = reached.ask;
    this.#owned = reached.owned;
  }

  /** The JSON that the admin API answers. Rejects with CommandError for another status than 200, with WrongUsage for 400. */
  async ask(question: Question): Promise<unknown> {
    return JSON.parse(await text(await this.#bodyOf(question)));
  }

  /**
   * The lines of JSON that the admin API answers, as they come, the one of the kind `done` last; ending the iteration ends
   * what is done there. Rejects with CommandError if that fails, or the daemon ends before it.
   */
  async *follow<Line extends FollowedLine>(
    question: Question,
  ): AsyncGenerator<Exclude<Line, FailedLine>> {
    for await (const line of jsonLinesIn(await this.#bodyOf(question))) {
      const told = line as Line;
      if (isFailed(told)) throw new CommandError(told.error);
      yield told as Exclude<Line, FailedLine>;
      if (told.kind === "done") return;
    }
    throw new CommandError(brokenOff);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#owned[Symbol.asyncDispose]();
  }

  async #bodyOf(question: Question): Promise<Answer["body"]> {
    const { status, body } = await this.#ask(question);
    if (status === 200) return body;
    const sentence = refusalOf(status, await text(body));
    throw status === 400 ? new WrongUsage(sentence) : new CommandError(sentence);
  }
}

/**
 * The mirror of the configuration. Where no daemon runs it is opened by this process: that takes the directory's lock, so
 * that none can start meanwhile. Rejects with CommandError where no mirror ever ran, or another process has the directory but
 * does not answer.
 */
export async function reachMirror(options: CommandOptions): Promise<ReachedMirror> {
  const loaded = await configurationOf(options);
  const daemon = await reachDaemon(loaded.config);
  if (daemon) return daemon;
  refuseWithoutCatalog(layoutOf(loaded.config.storage.directory), loaded.source);
  return await openByItself(loaded);
}

/** The daemon of the configuration's storage directory; null if none runs. Rejects with CommandError if it cannot be asked. */
export async function reachDaemon(config: Config): Promise<ReachedMirror | null> {
  const layout = layoutOf(config.storage.directory);
  const alive = await askDaemon(layout, { path: "/healthz" });
  if (!alive) return null;
  await text(alive.body);
  return new ReachedMirror(config, {
    ask: async (question) => (await askDaemon(layout, question)) ?? gone(layout.controlSocket),
    owned: new AsyncDisposableStack(),
  });
}

async function openByItself({ config }: LoadedConfig): Promise<ReachedMirror> {
  await using stack = new AsyncDisposableStack();
  const common = {
    config,
    version,
    log: createErrorLog(),
    env: process.env,
    now: Date.now,
    monotonicMs: () => performance.now(),
  };
  const opened = await openMirror(stack, common).catch((error: unknown) => {
    throw error instanceof DirectoryTaken ? unanswered(config, error) : error;
  });
  const access = { kind: "own", by: "a command" } as const;
  const api = createAdminApi({ ...opened, ...common, startedAtMs: null }, access);
  const owned = stack.move();
  return new ReachedMirror(config, {
    ask: (question) => askApi(api, question),
    owned,
  });
}

/** Somebody has the directory whom its control socket did not lead to. */
function unanswered({ storage }: Config, cause: DirectoryTaken): CommandError {
  const { directory, controlSocket } = layoutOf(storage.directory);
  return new CommandError(
    `another sluice is running in ${directory}, and nobody answers at ${controlSocket}: if it is a command, or a daemon that starts or ends, wait for it; otherwise restart that daemon`,
    { cause },
  );
}

async function askApi(api: AdminApi, { path, order }: Question): Promise<Answer> {
  const how = order && {
    method: "POST",
    headers: { "content-type": "application/json" },
    body: JSON.stringify(order),
  };
  const { status, body } = await api.request(path, how);
  return { status, body: body ?? Readable.from([]) };
}

const brokenOff = "the daemon ended in the middle of it: run the command again";

interface FollowedLine {
  readonly kind: string;
}

function isFailed(line: FollowedLine): line is FailedLine {
  return line.kind === "failed";
}

async function* jsonLinesIn(body: Answer["body"]): AsyncGenerator<unknown> {
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for await (const part of body) {
      const lines = (rest + decoder.decode(part, { stream: true })).split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) yield JSON.parse(line);
    }
  } catch (cause) {
    throw new CommandError(brokenOff, { cause });
  }
}

function gone(socket: string): never {
  throw new CommandError(`the daemon at ${socket} has ended meanwhile: run the command again`);
}

function refusalOf(status: number, body: string): string {
  const sentence = errorIn(body);
  if (sentence === null) return `the daemon answered with status ${status}; its log says why`;
  // What every daemon of this version has.
  if (status === 404 && sentence.includes("no part of the admin API")) {
    return "the running daemon is of an older version; restart it";
  }
  return sentence;
}

function errorIn(body: string): string | null {
  try {
    const { error } = JSON.parse(body);
    return typeof error === "string" ? error : null;
  } catch {
    return null;
  }
}
