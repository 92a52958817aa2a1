import { TracedCalls } from "./traced-calls.ts";

/** A system call that fails, or kills the process that makes it. */
export interface Injection {
  readonly call: string;
  /** As strace's `inject` says it: `error=EIO`, `signal=SIGKILL`. */
  readonly effect: string;
  /** Which of each thread's calls from now on, counted from 1. */
  readonly nth: number;
}

/** One call that was made to fail, as strace shows it, with the paths of its descriptors. */
export type InjectedCall = string;

/** Calls of a process that are made to fail until this is disposed. */
export class InjectedFaults implements AsyncDisposable {
  readonly #calls: TracedCalls;

  private constructor(calls: TracedCalls) {
    this.#calls = calls;
  }

  /** Resolves when every thread of `pid` is followed. */
  static async attach(pid: number, { call, effect, nth }: Injection): Promise<InjectedFaults> {
    const inject = `${call}:${effect}:when=${nth}`;
    return new InjectedFaults(await TracedCalls.attach(pid, call, inject));
  }

  /** Lets go of the process and tells which calls were hit. */
  async detach(): Promise<InjectedCall[]> {
    return (await this.#calls.detach()).filter((line) => line.includes("(INJECTED)"));
  }

  /** Resolves when the process that is followed has ended. */
  end(): Promise<void> {
    return this.#calls.end();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#calls[Symbol.asyncDispose]();
  }
}
