import { h, type JSX } from "preact";
import type { HistoryAnswer } from "../../admin/routes/history.ts";
import { imageHash } from "../route.ts";
import { moment, shortDigest } from "../words.ts";

/** The moves of a tag, the latest first. */
export function TagHistory({
  name,
  answer,
}: {
  readonly name: string;
  readonly answer: HistoryAnswer;
}): JSX.Element {
  if (answer.moves.length === 0)
    return h("p", { class: "empty" }, "It has not moved since it is known.");
  return h(
    "ol",
    { class: "lines" },
    answer.moves.map(({ at, from, to }) =>
      h("li", { key: `${at} ${to}` }, [
        h("time", { dateTime: at }, moment(Date.parse(at))),
        h("span", null, [
          from === null ? "seen first: " : [h(Digest, { name, digest: from }), " → "],
          h(Digest, { name, digest: to }),
        ]),
      ]),
    ),
  );
}

function Digest({ name, digest }: { readonly name: string; readonly digest: string }): JSX.Element {
  const repository = name.slice(0, name.lastIndexOf(":"));
  return h(
    "a",
    { href: imageHash(`${repository}@${digest}`) },
    h("code", null, shortDigest(digest)),
  );
}
