import { h, type JSX } from "preact";
import type { SurviveAnswer } from "../../admin/routes/survive.ts";
import { outageWords } from "../../mirror/images/outage-words.ts";
import { useAsked } from "../ask.ts";
import { Answered } from "../parts/answered.ts";
import { ImageLink } from "../parts/name.ts";
import { Section } from "../parts/section.ts";
import { agoWords, count, plural, shown } from "../words.ts";

const days = 7;
const shownImages = 10;

type Endangered = SurviveAnswer["endangered"][number];

/** Which of the images pulled of late could be pulled again if no upstream answered. */
export function OutageSurvival({ nowMs }: { readonly nowMs: number }): JSX.Element {
  const asked = useAsked<SurviveAnswer>(`survive?days=${days}`);
  return h(
    Section,
    { title: "If every upstream were down" },
    h(Answered<SurviveAnswer>, { asked, show: (answer) => h(Survival, { answer, nowMs }) }),
  );
}

function Survival({
  answer,
  nowMs,
}: {
  readonly answer: SurviveAnswer;
  readonly nowMs: number;
}): JSX.Element {
  const { images, survive, endangered } = answer;
  if (images === 0)
    return h("p", { class: "empty" }, `Nothing was pulled in the last ${days} days.`);
  const hidden = endangered.length - shownImages;
  return h("div", null, [
    h("p", null, [
      h("strong", null, `${count(survive)} of ${plural(images, "image")}`),
      ` pulled in the last ${days} days could be pulled all the same.`,
    ]),
    endangered.length > 0 &&
      h(
        "ul",
        { class: "lines after" },
        endangered.slice(0, shownImages).map((image) => h(Lost, { key: image.name, image, nowMs })),
      ),
    hidden > 0 && h("p", { class: "note after" }, `… and ${count(hidden)} more.`),
  ]);
}

function Lost({
  image,
  nowMs,
}: {
  readonly image: Endangered;
  readonly nowMs: number;
}): JSX.Element {
  const { name, problems, lastPullAt } = image;
  return h("li", null, [
    h("span", null, [
      h(ImageLink, { name }),
      h("span", { class: "why" }, ` ${shown(problems.map(problemWords).join("; "))}`),
    ]),
    h("span", { class: "note" }, `pulled ${agoWords(lastPullAt, nowMs)}`),
  ]);
}

function problemWords(problem: Endangered["problems"][number]): string {
  const { kind, count: number, bytes } = problem;
  switch (kind) {
    case "gone":
      return "it is not here any more";
    case "no-upstream":
      return "its upstream is not configured any more";
    default:
      return outageWords({ kind, count: number, bytes });
  }
}
