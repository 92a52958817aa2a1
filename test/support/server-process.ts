import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";
import { eventually } from "./eventually.ts";

export interface Exit {
  readonly code: number | null;
  readonly signal: NodeJS.Signals | null;
}

// Longer than what is stopped here takes to let its own work end.
const insistAfterMs = 27_000;

// A foreign program is ready within a second; on a machine whose cores are all taken, Caddy was not within half a minute.
// Only spent when it never is.
const readyLimitMs = 120_000;

/** A real program that runs until it is told to end. Its output is kept; disposing of it ends it by its pid. */
export class ServerProcess implements AsyncDisposable {
  readonly #child: ChildProcess;
  #exit: Exit | null = null;
  #stdout = "";
  #stderr = "";

  constructor(command: string, args: readonly string[], options: SpawnOptions = {}) {
    this.#child = spawn(command, args, { ...options, stdio: ["ignore", "pipe", "pipe"] });
    this.#child.once("error", (error) => {
      this.#stderr += error.message;
    });
    // "close" comes after the last output, where "exit" may come before it.
    this.#child.once("close", (code, signal) => {
      this.#exit = { code, signal };
    });
    this.#child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      this.#stdout += text;
    });
    this.#child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      this.#stderr += text;
    });
  }

  /** 0 if it could not start. */
  get pid(): number {
    return this.#child.pid ?? 0;
  }

  get stdout(): string {
    return this.#stdout;
  }

  get stderr(): string {
    return this.#stderr;
  }

  get running(): boolean {
    const { pid, exitCode, signalCode } = this.#child;
    return pid !== undefined && exitCode === null && signalCode === null;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Waits for its end and the last of its output. */
  async exit(): Promise<Exit> {
    return eventually(`the end of ${this.#child.spawnfile}`, () => this.#exit);
  }

  /** Waits until `ready` says true; rejects with what the program wrote when it ends before. */
  async until(ready: () => Promise<boolean>): Promise<void> {
    const isReady = async (): Promise<boolean> => {
      if (!this.running) throw new Error(`it ended early: ${this.#stderr || this.#stdout}`);
      return await ready();
    };
    await eventually(`${this.#child.spawnfile} is ready`, isReady, readyLimitMs);
  }

  /** Asks it to end, waits, and insists in the end. */
  async stop(): Promise<void> {
    if (!this.running) return;
    this.kill("SIGTERM");
    using _insisting = setTimeout(() => this.kill("SIGKILL"), insistAfterMs);
    await eventually(`the end of ${this.#child.spawnfile}`, () => !this.running);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}
