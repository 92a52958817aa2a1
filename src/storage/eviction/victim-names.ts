import type { Digest } from "../../oci/digest.ts";
import { imageName } from "../../oci/image-name.ts";
import { keyOf } from "../catalog/digest-key.ts";
import type { VictimQueries } from "./victim-queries.ts";

/** What content is called: by its tags, then by its digest in each repository that may have it. */
export function namesOf(
  { tagsOf, grantsOf }: Pick<VictimQueries, "tagsOf" | "grantsOf">,
  digest: Digest,
): string[] {
  const key = keyOf(digest);
  const tagged = tagsOf.all(key).map((row) => imageName(row, { kind: "tag", tag: row.tag }));
  const granted = grantsOf.all(key).map((row) => imageName(row, { kind: "digest", digest }));
  return [...tagged, ...granted];
}
