import type { Digest } from "../../oci/digest.ts";
import type { Repository } from "../../oci/repository.ts";
import type { Fill } from "./fill.ts";

/** A fill that runs, for operators. */
export interface RunningFill {
  readonly upstream: string;
  /** The first that it may come through. */
  readonly repository: Repository;
  readonly digest: Digest;
  readonly state: "connecting" | "streaming" | "verified";
  readonly doneBytes: number;
  /** null as long as it is not known. */
  readonly totalBytes: number | null;
  /** How many clients follow it. */
  readonly readers: number;
}

/** null if it is over. */
export function describeFill({
  upstream,
  repository,
  digest,
  state,
  readers,
}: Fill): RunningFill | null {
  if (repository === null) return null;
  const of = { upstream: upstream.name, repository, digest, readers };
  switch (state.kind) {
    case "connecting":
      return { ...of, state: state.kind, doneBytes: 0, totalBytes: null };
    case "streaming":
    case "verified":
      return {
        ...of,
        state: state.kind,
        doneBytes: state.intake.writtenBytes,
        totalBytes: state.sizeBytes,
      };
    case "unstored":
    case "failed":
      return null;
  }
}
