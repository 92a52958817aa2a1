import type { Location } from "../../storage/catalog.ts";
import type { Upstream } from "../../upstream/upstream.ts";
import type { PlainTarget, Target } from "../../upstream/upstreams.ts";
import { CatalogMemory } from "../catalog-memory.ts";
import type { Asked } from "../not-found.ts";
import { orNull, type StorageTools } from "../storage-tools.ts";
import { type FreshnessPolicy, proofAge } from "../tags/freshness.ts";
import { locationOf } from "./grants.ts";
import { LoginRights } from "./login-rights.ts";
import type { Proof, ProofAge, Proofs } from "./proofs.ts";

type RightsTools = Pick<StorageTools, "catalog" | "log" | "now">;

const repositoriesInMemory = 20_000;

/** What a pull is for, put to the upstream as the one is asked whose right counts. */
export interface Question {
  readonly about: Asked;
  readonly ask: (view: Upstream) => Promise<boolean>;
}

/** When upstream last showed a repository to nobody in particular, and whether that is enough. */
export interface RightState {
  /** In ms since the epoch; null if never. */
  readonly provenAtMs: number | null;
  readonly age: ProofAge;
}

/**
 * Who may pull from a repository at all. Where our own credentials would open what is private, and nobody logs in here,
 * only what upstream shows to everyone is served (`access: public`); or what it shows to whoever asks (`forward`), which is
 * remembered in memory only.
 */
export class PullRights {
  readonly #tools: RightsTools;
  readonly #proofs: Proofs;
  readonly #publicAtMs: CatalogMemory<number>;
  readonly #logins: LoginRights;

  constructor(tools: RightsTools, proofs: Proofs) {
    this.#tools = tools;
    this.#proofs = proofs;
    this.#publicAtMs = new CatalogMemory(repositoriesInMemory, tools.log);
    this.#logins = new LoginRights(tools.now, proofs);
  }

  /**
   * Whether a pull may go on; false if upstream says to nobody's question that there is no such thing. Rejects with
   * UpstreamError when it refuses, or gives no answer about a repository that was never shown.
   */
  async mayPull(target: Target, question: Question): Promise<boolean> {
    const view = viewOf(target.upstream);
    if (!view) return true;
    let isOwn = false;
    const proof = await this.#proofOf(target, () => {
      isOwn = true;
      return question.ask(view);
    });
    const isShown = await this.#proofs.holds(proof);
    if (isShown || isOwn) return isShown;
    // Another pull had asked, for something that is not there: that says nothing of what this one is for.
    const own = { provenAtMs: null, key: `${proof.key} ${question.about}` };
    return await this.#proofs.holds({ ...proof, ...own });
  }

  /** Whether a pull may go on, by what is in memory and good; false: `mayPull` finds out. */
  mayPullAtOnce(target: Target): boolean {
    if (!viewOf(target.upstream)) return true;
    const { login } = target;
    const location = locationOf(target);
    const provenAtMs = login
      ? this.#logins.provenAtMs(location, login)
      : this.#publicAtMs.inMemory(keyOf(location));
    return this.#proofs.ageOf(provenAtMs ?? null) === "good";
  }

  /**
   * Whether the tags of the repository may be listed; else as `mayPull`. That nobody is refused a list proves nothing
   * about the content: some registries list what they do not give.
   */
  async mayList(target: Target, ask: Question["ask"]): Promise<boolean> {
    const view = viewOf(target.upstream);
    if (!view) return true;
    const proof = await this.#proofOf(target, () => ask(view));
    return await this.#proofs.holds({
      ...proof,
      key: `${proof.key} tags`,
      record: async () => {},
    });
  }

  /** Whether the repository may be listed, to everyone or to this login, without asking anybody. */
  async isListed(
    { upstream, login }: Pick<Target, "upstream" | "login">,
    location: Location,
    policy: FreshnessPolicy,
  ): Promise<boolean> {
    if (login) return this.#logins.provenAtMs(location, login) !== null;
    if (!upstream.publicView) return true;
    const knownAtMs = await this.#knownAtMs(location);
    return knownAtMs !== null && proofAge(knownAtMs, this.#tools.now(), policy) !== "expired";
  }

  /** What is known of that, without asking anybody; null where our own right decides. */
  async stateOf(target: PlainTarget): Promise<RightState | null> {
    if (!target.upstream.publicView) return null;
    const provenAtMs = await this.#knownAtMs(locationOf(target));
    return { provenAtMs, age: this.#proofs.ageOf(provenAtMs) };
  }

  async #proofOf(target: Target, ask: Proof["ask"]): Promise<Proof> {
    const { upstream, login } = target;
    const location = locationOf(target);
    const { name, crowd } = upstream;
    const common = { upstream: name, isDown: upstream.down !== null, crowd, ask };
    if (login) return { ...common, ...this.#logins.proof(location, login) };
    return {
      ...common,
      key: keyOf(location),
      provenAtMs: await this.#knownAtMs(location),
      record: (isShown) => this.#record(location, isShown),
    };
  }

  async #knownAtMs(location: Location): Promise<number | null> {
    return await this.#publicAtMs.find(keyOf(location), () => this.#read(location));
  }

  #read(location: Location): Promise<number | null> {
    return this.#tools.catalog.publicAtMs(location);
  }

  async #record(location: Location, isPublic: boolean): Promise<void> {
    const { catalog, log, now } = this.#tools;
    const key = keyOf(location);
    if (isPublic) {
      const nowMs = now();
      this.#publicAtMs.note(key, nowMs);
      await orNull(log, () => catalog.recordPublic(location, nowMs));
    } else if (await this.#publicAtMs.isWritten(key, () => this.#read(location))) {
      await this.#publicAtMs.forget(key, () => catalog.forgetPublic(location));
    }
  }
}

/** Who is asked whether a repository is shown to those who ask; null where our own right is everyone's. */
function viewOf(upstream: Upstream): Upstream | null {
  return upstream.forwards ? upstream : upstream.publicView;
}

function keyOf({ upstream, repository }: Location): string {
  return `${upstream} ${repository}`;
}
