import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { open, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { ask } from "../../test/support/ask.ts";
import type { Reached } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import { treeOf } from "./process-tree.ts";

export interface ServerCommand {
  readonly file: string;
  readonly args: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  /** Where it answers. It is ready when `/v2/` there does. */
  readonly at: Reached;
  /** Its own directory: holds its log, and is removed with it. */
  readonly directory: string;
}

/**
 * A server of this run. (That of the tests takes what a server prints through a pipe into its own
 * memory: with 60,000 log lines a second that would be measured, too.)
 * Disposing ends it and its children, and removes its directory.
 */
export class ServerProcess implements AsyncDisposable {
  readonly url: string;
  readonly caFile?: string;
  readonly pid: number;
  readonly directory: string;
  readonly #child: ChildProcess;
  #ended: Promise<void> | null = null;

  private constructor(child: ChildProcess, pid: number, command: ServerCommand) {
    this.#child = child;
    this.pid = pid;
    this.url = command.at.url;
    if (command.at.caFile) this.caFile = command.at.caFile;
    this.directory = command.directory;
  }

  /** Rejects with the last lines of its log if it ends or is not ready within 15 seconds. */
  static async start(lab: Lab, command: ServerCommand): Promise<ServerProcess> {
    const logFile = join(command.directory, "output.log");
    const child = await spawnLogged(command, logFile);
    if (child.pid === undefined) throw new Error(`${command.file} could not be started`);
    const server = await lab.keep(new ServerProcess(child, child.pid, command));
    if (await ready(child, command.at)) return server;
    const log = (await readFile(logFile, "utf8")).trim().split("\n").slice(-20).join("\n");
    await server[Symbol.asyncDispose]();
    throw new Error(`${command.file} did not get ready: ${log}`);
  }

  [Symbol.asyncDispose](): Promise<void> {
    this.#ended ??= this.#end();
    return this.#ended;
  }

  async #end(): Promise<void> {
    const tree = await treeOf(this.pid);
    if (!hasEnded(this.#child)) {
      this.#child.kill("SIGTERM");
      await Promise.race([once(this.#child, "exit"), sleep(5_000, null, { ref: false })]);
      if (!hasEnded(this.#child)) killAll(tree);
    }
    await rm(this.directory, { recursive: true, force: true, maxRetries: 5 });
  }
}

async function spawnLogged(command: ServerCommand, logFile: string): Promise<ChildProcess> {
  // A file, as in production: a terminal or a pipe to us would cost the server time of its own.
  await using log = await open(logFile, "a");
  const child = spawn(command.file, command.args, {
    cwd: command.directory,
    env: { ...process.env, ...command.env },
    stdio: ["ignore", log.fd, log.fd],
  });
  await Promise.race([once(child, "spawn"), once(child, "error")]);
  return child;
}

async function ready(child: ChildProcess, at: Reached): Promise<boolean> {
  const untilMs = Date.now() + 15_000;
  while (Date.now() < untilMs && !hasEnded(child)) {
    if (await answers(at)) return true;
    await sleep(25);
  }
  return false;
}

async function answers({ url, caFile }: Reached): Promise<boolean> {
  const trust = caFile && { ca: await readFile(caFile) };
  const answer = await ask(`${url}/v2/`, { ...trust }).catch(() => null);
  // Who asks for a login answers too.
  return answer?.status === 200 || answer?.status === 401;
}

function hasEnded(child: ChildProcess): boolean {
  return child.exitCode !== null || child.signalCode !== null;
}

function killAll(pids: readonly number[]): void {
  for (const pid of pids) {
    try {
      process.kill(pid, "SIGKILL");
    } catch (error) {
      if (!(error instanceof Error && "code" in error && error.code === "ESRCH")) throw error;
    }
  }
}
