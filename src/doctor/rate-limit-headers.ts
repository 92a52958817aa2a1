import { formatDuration } from "../config/units.ts";
import { lowMark, pullLimitIn } from "../upstream/accounts/pull-limit.ts";
import type { AnswerHeaders } from "../upstream/exchange/answer-body.ts";
import { type Finding, ok, warn } from "./finding.ts";

/** What a registry says of the pulls that are left; nothing where it says nothing. */
export function* judgeRateLimit(name: string, headers: AnswerHeaders): Generator<Finding> {
  const told = pullLimitIn(headers);
  if (told === null) return;
  const { limit, remaining, windowMs } = told;
  const found = `${remaining} of ${limit} pulls are left within ${formatDuration(windowMs)}`;
  const remedy = `wait, or name credentials with a limit of their own: upstreams."${name}".credentials`;
  yield remaining > lowMark(limit) ? ok(name, found) : warn(name, found, remedy);
}
