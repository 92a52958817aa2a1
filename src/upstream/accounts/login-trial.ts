import { isAnswer } from "../endpoints/severity.ts";
import type { Answer } from "../exchange/exchange.ts";
import { TokenRefused } from "../tokens/token-server.ts";
import { Limited } from "./accounts.ts";

/** How many wrong logins may still be tried for whoever presents one. */
export interface Guesses {
  /** Takes one before it is known whether the login is right; or returns after how many ms there will be one. */
  take(): number;
  giveBack(): void;
}

/**
 * Whether an endpoint takes a login. Until it has, each request with it costs a guess, which is given back with the header of an
 * answer that refuses no login: a burst of wrong ones must not reach the registry, which would lock out this mirror's address.
 */
export class LoginTrial {
  #isTaken = false;
  /** The request that finds it out; it never rejects. */
  #running: Promise<void> | null = null;

  /** The answer to `send`; null where that had nothing to present. Rejects with Limited where no guess is left, and as `send` does. */
  async ask<T extends Answer | null>(guesses: Guesses, send: () => Promise<T>): Promise<T> {
    // One login over many connections at once is one: what comes of the first is what comes of all. Where nothing has, the next
    // finds out.
    while (!this.#isTaken && this.#running !== null) await this.#running;
    return this.#isTaken ? await this.#goOn(guesses, send) : await this.#try(guesses, send);
  }

  /** It may have been taken for what anybody may have: to be refused costs what it would have cost. */
  async #goOn<T extends Answer | null>(guesses: Guesses, send: () => Promise<T>): Promise<T> {
    const asked = this.#noted(send);
    const isRefused = await asked.then(refusesLogin, refusesLogin);
    if (isRefused) guesses.take();
    return await asked;
  }

  async #try<T extends Answer | null>(guesses: Guesses, send: () => Promise<T>): Promise<T> {
    const waitMs = guesses.take();
    if (waitMs > 0) {
      throw new Limited({ kind: "guessed", retryAfter: String(Math.ceil(waitMs / 1000)) });
    }
    const asked = this.#noted(send);
    this.#running = asked.then(refusesLogin, refusesLogin).then((isRefused) => {
      if (!isRefused) guesses.giveBack();
      this.#running = null;
    });
    return await asked;
  }

  async #noted<T extends Answer | null>(send: () => Promise<T>): Promise<T> {
    try {
      const answer = await send();
      // What is none says nothing of the login.
      if (answer && isAnswer(answer.status)) this.#isTaken = !refusesLogin(answer);
      return answer;
    } catch (error) {
      if (refusesLogin(error)) this.#isTaken = false;
      throw error;
    }
  }
}

/** Whether an answer, or an error in its place, says that the login is wrong. What storage says is about signed URLs. */
function refusesLogin(told: unknown): boolean {
  if (told instanceof Error) return told instanceof TokenRefused && told.status === 401;
  const answer = told as Answer | null;
  return answer?.status === 401 && !answer.redirected;
}
