import type { IncomingMessage, ServerResponse } from "node:http";
import type { RepositoriesAsked } from "../mirror/lists/repositories.ts";
import type { Mirror } from "../mirror/mirror.ts";
import type { Digest } from "../oci/digest.ts";
import { referrersIndex, referrersMediaType } from "../oci/referrer.ts";
import type { Page } from "../oci/route.ts";
import type { Target } from "../upstream/upstreams.ts";
import { sendList } from "./list-answer.ts";
import type { Served } from "./served.ts";

/** `tags/list`: distribution spec 1.1, "Listing tags". The links between its pages are ours. */
export async function serveTags(
  mirror: Mirror,
  { target, page }: { readonly target: Target; readonly page: Page },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Served> {
  const { outcome, bytes, next } = await mirror.listTags(target, page);
  return sendList({ contentType: "application/json", bytes, outcome, next }, request, response);
}

/** `referrers`: distribution spec 1.1, "Listing Referrers". All in one page. */
export async function serveReferrers(
  mirror: Mirror,
  asked: {
    readonly target: Target;
    readonly digest: Digest;
    readonly artifactType: string | null;
  },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Served> {
  const { target, digest, artifactType } = asked;
  const { outcome, referrers } = await mirror.listReferrers(target, digest, artifactType);
  const answer = {
    contentType: referrersMediaType,
    bytes: referrersIndex(referrers),
    outcome,
    next: null,
    headers: artifactType === null ? {} : { "oci-filters-applied": "artifactType" },
  };
  return sendList(answer, request, response);
}

/** `_catalog` of what is cached and may be pulled: distribution's "Listing Repositories". */
export async function serveRepositories(
  mirror: Mirror,
  { page, ...asked }: RepositoriesAsked & { readonly page: Page },
  request: IncomingMessage,
  response: ServerResponse,
): Promise<Served> {
  const { names, next } = await mirror.repositories.list(asked, page);
  const bytes = Buffer.from(JSON.stringify({ repositories: names }));
  const answer = {
    contentType: "application/json",
    bytes,
    outcome: { kind: "hit", tag: null },
    next,
  } as const;
  return sendList(answer, request, response);
}
