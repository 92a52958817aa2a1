import { h, type JSX } from "preact";
import { useState } from "preact/hooks";
import type { HistoryAnswer } from "../../admin/routes/history.ts";
import type { InspectAnswer } from "../../admin/routes/inspect.ts";
import type { Now } from "../../admin/routes/now.ts";
import type { WhyAnswer } from "../../admin/routes/why.ts";
import { formatBytes } from "../../config/units.ts";
import { outageWords } from "../../mirror/images/outage-words.ts";
import { useAsked } from "../ask.ts";
import { Answered } from "../parts/answered.ts";
import { Badge } from "../parts/badge.ts";
import { ImageLink, Name } from "../parts/name.ts";
import { Section } from "../parts/section.ts";
import { Tiles } from "../parts/tiles.ts";
import { hashOf } from "../route.ts";
import { agoWords, count, moment, plural, shortDigest, shown } from "../words.ts";
import { ImageActions } from "./image-actions.ts";
import { ImageTree } from "./image-tree.ts";
import { TagHistory } from "./tag-history.ts";
import { verdictWords } from "./verdict-words.ts";

interface ImageViewProps {
  readonly name: string;
  readonly now: Now | null;
}

/** All that is known of one image, and what can be done with it. */
export function ImageView({ name, now }: ImageViewProps): JSX.Element {
  // What was done to it may have changed everything.
  const [turn, setTurn] = useState(0);
  const query = new URLSearchParams({ image: name });
  const inspected = useAsked<InspectAnswer>(`inspect?${query}`, turn);
  const why = useAsked<WhyAnswer>(`why?${query}`, turn);
  const history = useAsked<HistoryAnswer>(name.includes("@") ? null : `history?${query}`, turn);
  const nowMs = now ? Date.parse(now.at) : Date.now();
  return h("div", { class: "view" }, [
    h("div", null, [
      h("p", { class: "crumb" }, h("a", { href: hashOf("images") }, "Images")),
      h("h1", { class: "name" }, h(Name, { text: name })),
    ]),
    h(Answered<InspectAnswer>, {
      asked: inspected,
      show: (image) => h(Facts, { image, nowMs }),
    }),
    h(ImageActions, {
      name,
      pins: inspected.kind === "answered" ? inspected.answer.pins : [],
      isHere: inspected.kind === "answered",
      onDone: () => setTurn(turn + 1),
    }),
    h(
      Section,
      { title: "A pull now" },
      h(Answered<WhyAnswer>, { asked: why, show: (answer) => h(PullNow, { answer }) }),
    ),
    inspected.kind === "answered" && h(Content, { image: inspected.answer }),
    !name.includes("@") &&
      h(
        Section,
        { title: "What the tag meant" },
        h(Answered<HistoryAnswer>, {
          asked: history,
          show: (answer) => h(TagHistory, { name, answer }),
        }),
      ),
  ]);
}

function Facts({
  image,
  nowMs,
}: {
  readonly image: InspectAnswer;
  readonly nowMs: number;
}): JSX.Element {
  const { content, tag } = image;
  const missing = content.filter(({ state, kind }) => state === "missing" && kind !== "manifest");
  const tiles = [
    {
      label: "Here",
      value: formatBytes(image.sizeBytes),
      note:
        missing.length === 0
          ? "all of what was pulled"
          : `${plural(missing.length, "blob")} missing`,
    },
    {
      label: "Pulls",
      value: count(image.pulls),
      note: `last ${agoWords(image.lastPullAt, nowMs)}`,
    },
    {
      label: "Tag checked",
      value: tag ? agoWords(tag.checkedAt, nowMs) : "–",
      note: tag ? freshnessWords[tag.freshness] : "a digest never moves",
    },
    {
      label: "Pinned",
      value: image.pins.length === 0 ? "No" : "Yes",
      note: image.pins.length === 0 ? "may be evicted" : shown(image.pins.join(", ")),
    },
  ];
  return h("div", { class: "facts" }, [
    h(Tiles, { tiles }),
    h("p", { class: "note" }, [
      h("code", { class: "whole" }, shown(image.digest)),
      ` ${shown(image.mediaType)}`,
      image.lastPullAt === null ? "" : `, pulled last ${moment(Date.parse(image.lastPullAt))}`,
    ]),
  ]);
}

const freshnessWords = {
  fresh: "fresh: a pull takes it as it is",
  usable: "usable: asked again behind the answer",
  stale: "stale: upstream is asked first",
} as const;

function PullNow({ answer }: { readonly answer: WhyAnswer }): JSX.Element {
  const problems = answer.outage.map((problem) => outageWords(problem));
  return h("ul", { class: "facts-list" }, [
    h("li", null, `${verdictWords(answer)}.`),
    answer.rule.place !== null &&
      h("li", null, `By ${shown(answer.rule.place)} of the configuration.`),
    problems.length === 0
      ? h("li", null, [h(Badge, { tone: "good", text: "Survives" }), " an outage of its upstream."])
      : h("li", null, [
          h(Badge, { tone: "warn", text: "Does not survive" }),
          ` an outage of its upstream: ${shown(problems.join("; "))}.`,
        ]),
  ]);
}

function Content({ image }: { readonly image: InspectAnswer }): JSX.Element {
  const { sharedWith, referrers } = image;
  const more = sharedWith.manifests - sharedWith.names.length;
  return h("div", { class: "view" }, [
    h(
      Section,
      { title: "What it is made of", note: plural(image.content.length, "part") },
      h(ImageTree, { content: image.content }),
    ),
    sharedWith.names.length > 0 &&
      h(
        Section,
        {
          title: "Shares content with",
          note: more > 0 ? `and ${plural(more, "manifest")} more` : "",
        },
        h(
          "ul",
          { class: "lines" },
          sharedWith.names.map(({ name, sharedBytes }) =>
            h("li", { key: name }, [
              h(ImageLink, { name }),
              h("span", null, formatBytes(sharedBytes)),
            ]),
          ),
        ),
      ),
    referrers.length > 0 &&
      h(
        Section,
        { title: "Signatures, and what else refers to it" },
        h(
          "ul",
          { class: "lines" },
          referrers.map(({ digest, artifactType }) =>
            h("li", { key: digest }, [
              h("span", null, shown(artifactType ?? "of no type")),
              h("code", { class: "digest" }, shortDigest(digest)),
            ]),
          ),
        ),
      ),
  ]);
}
