import type { Location } from "../../storage/catalog.ts";
import type { ForwardedLogin } from "../../upstream/accounts/forwarded-login.ts";
import { memoryTable } from "../memory-table.ts";
import type { Proof, Proofs } from "./proofs.ts";

// Some 250 bytes each: a thousand nodes with a hundred repositories. What is not among them is asked again.
const rightsInMemory = 100_000;

/**
 * Which caller was shown which repository by its upstream, and when. In memory only, by marks that mean nothing elsewhere.
 * A right ends with `freshness.grantTtl`, in an outage too: a password that was withdrawn must not open for good.
 */
export class LoginRights {
  readonly #now: () => number;
  readonly #proofs: Proofs;
  readonly #provenAtMs = memoryTable<number>(rightsInMemory);

  constructor(now: () => number, proofs: Proofs) {
    this.#now = now;
    this.#proofs = proofs;
  }

  /** In ms since the epoch; null if never, or too long ago. */
  provenAtMs(location: Location, login: ForwardedLogin): number | null {
    const provenAtMs = this.#provenAtMs.get(keyOf(location, login)) ?? null;
    return this.#proofs.ageOf(provenAtMs) === "expired" ? null : provenAtMs;
  }

  proof(location: Location, login: ForwardedLogin): Pick<Proof, "key" | "provenAtMs" | "record"> {
    const key = keyOf(location, login);
    return {
      key,
      provenAtMs: this.provenAtMs(location, login),
      record: async (isShown) => {
        if (isShown) this.#provenAtMs.set(key, this.#now());
        else this.#provenAtMs.delete(key);
      },
    };
  }
}

function keyOf({ upstream, repository }: Location, { mark }: ForwardedLogin): string {
  return `${upstream} ${repository} as ${mark}`;
}
