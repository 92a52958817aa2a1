import { h, type JSX } from "preact";
import type { MovesAnswer } from "../../admin/routes/moves.ts";
import { ImageLink } from "../parts/name.ts";
import { agoWords, shortDigest } from "../words.ts";

/** Which tags came to mean something else, the latest first. */
export function MoveList({
  answer,
  nowMs,
}: {
  readonly answer: MovesAnswer;
  readonly nowMs: number;
}): JSX.Element {
  if (answer.moves.length === 0)
    return h("p", { class: "empty" }, "No tag has moved since it is known.");
  return h(
    "ul",
    { class: "lines" },
    answer.moves.map(({ name, at, from, to }) =>
      h("li", { key: `${name} ${at} ${to}` }, [
        h(ImageLink, { name }),
        h("span", null, [
          h(
            "code",
            { class: "digest" },
            `${from === null ? "" : shortDigest(from)} → ${shortDigest(to)}`,
          ),
          h("span", { class: "note" }, `  ${agoWords(at, nowMs)}`),
        ]),
      ]),
    ),
  );
}
