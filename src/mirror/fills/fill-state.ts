import type { Hash } from "node:crypto";
import type { Intake } from "./intake.ts";

/** A fill's life; it only goes down this list, and ends in one of the last three. */
export type FillState =
  | { readonly kind: "connecting" }
  | { readonly kind: "streaming"; readonly sizeBytes: number | null; readonly intake: Intake }
  /** Every byte is there and the digest is right; readers need not wait until it is stored. */
  | { readonly kind: "verified"; readonly sizeBytes: number; readonly intake: Intake }
  /** The store takes nothing more: behind `storedBytes` every reader must ask upstream for itself. */
  | {
      readonly kind: "unstored";
      readonly sizeBytes: number | null;
      readonly storedBytes: number;
      /** Where the stored bytes can be read; null if there are none. */
      readonly intake: Intake | null;
      /** Of the stored bytes. */
      readonly hash: Hash;
    }
  | { readonly kind: "failed"; readonly error: Error };
