/** Something the mirror cannot serve without; `check` rejects when it does not work. */
export interface HealthCheck {
  readonly name: string;
  check(): Promise<unknown>;
}

export interface Readiness {
  readonly ready: boolean;
  /** Why not, for an operator; empty when ready. */
  readonly reasons: readonly string[];
}

// A check that hangs is one that fails.
const checkTimeoutMs = 2_000;

/** Whether the mirror can serve. An upstream that is down does not count: what is stored is served. */
export class Health {
  readonly #checks: readonly HealthCheck[];
  #draining = false;

  constructor(checks: readonly HealthCheck[]) {
    this.#checks = checks;
  }

  get draining(): boolean {
    return this.#draining;
  }

  /** From now on not ready: load balancers should send no more. */
  drain(): void {
    this.#draining = true;
  }

  async readiness(): Promise<Readiness> {
    if (this.#draining) return { ready: false, reasons: ["it is stopping"] };
    const results = await Promise.all(this.#checks.map(reasonAgainst));
    const reasons = results.filter((reason) => reason !== null);
    return { ready: reasons.length === 0, reasons };
  }
}

async function reasonAgainst({ name, check }: HealthCheck): Promise<string | null> {
  const { promise: late, resolve } = Promise.withResolvers<string>();
  const timer = setTimeout(() => resolve(`${name} does not answer`), checkTimeoutMs);
  try {
    return await Promise.race([check().then(() => null), late]);
  } catch (error) {
    return `${name} fails: ${error instanceof Error ? error.message : error}`;
  } finally {
    clearTimeout(timer);
  }
}
