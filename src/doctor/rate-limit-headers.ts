import { formatDuration } from "../config/units.ts";
import type { AnswerHeaders } from "../upstream/answer-body.ts";
import { type Finding, ok, warn } from "./finding.ts";

// What a start of a dozen containers takes.
const fewPulls = 10;

/** What Docker Hub says of the pulls that are left: `RateLimit-Remaining: 76;w=21600`. Nothing where it says nothing. */
export function* judgeRateLimit(name: string, headers: AnswerHeaders): Generator<Finding> {
  const [, left, seconds] =
    /^(\d{1,9})(?:;w=(\d{1,9}))?$/.exec(headers["ratelimit-remaining"] ?? "") ?? [];
  if (left === undefined) return;
  const [limit] = (headers["ratelimit-limit"] ?? "").split(";");
  const within = seconds === undefined ? "" : ` within ${formatDuration(Number(seconds) * 1000)}`;
  const found = `${left} of ${limit || "its"} pulls are left${within}`;
  yield Number(left) >= fewPulls
    ? ok(name, found)
    : warn(
        name,
        found,
        `name credentials, which have a limit of their own: upstreams."${name}".credentials`,
      );
}
