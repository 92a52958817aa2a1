import { text } from "node:stream/consumers";
import type { Layout } from "../storage/layout.ts";
import { askDaemon } from "./control.ts";

/**
 * Why the running daemon cannot serve, nothing if it can; null if none runs. Rejects with CommandError if it does not
 * answer.
 */
export async function reasonsAgainst(layout: Layout): Promise<readonly string[] | null> {
  const answer = await askDaemon(layout, { path: "/readyz" });
  if (answer === null) return null;
  const body = await text(answer.body);
  return answer.status === 200 ? [] : reasonsIn(JSON.parse(body));
}

function reasonsIn(body: unknown): readonly string[] {
  const reasons =
    typeof body === "object" && body !== null && "reasons" in body ? body.reasons : null;
  return Array.isArray(reasons) ? reasons.map(String) : ["it does not say why"];
}
