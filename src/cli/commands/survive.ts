import type { SurviveAnswer } from "../../admin/routes/survive.ts";
import { ago } from "../../config/ago.ts";
import { outageWords } from "../../mirror/images/outage-words.ts";
import type { CommandOptions } from "../command-options.ts";
import { Notice } from "../output/notice.ts";
import { paint } from "../output/paint.ts";
import { printAnswer } from "../output/print-answer.ts";
import { shortened } from "../output/shortened.ts";
import { terminal } from "../output/terminal.ts";
import { reachMirror } from "../reached-mirror.ts";

export interface SurviveOptions extends CommandOptions {
  readonly days: number;
}

// Five thousand images are read.
const timeoutMs = 120_000;

/** `sluice survive`: what could be pulled again if no upstream answered. */
export async function survive(options: SurviveOptions): Promise<void> {
  await using mirror = await reachMirror(options);
  using _notice = new Notice("looking at the images…");
  const path = `/api/v1/survive?days=${options.days}`;
  const answer = (await mirror.ask({ path, timeoutMs })) as SurviveAnswer;
  printAnswer(answer, options, () => renderSurvival(answer, Date.now(), terminal().widthChars));
}

/** It for people: the verdict, then an image that would not survive and what is wrong with it. */
export function renderSurvival(answer: SurviveAnswer, nowMs: number, widthChars: number): string {
  const { days, images, survive: surviving, unseen, goneUnnamed, endangered } = answer;
  const since = `pulled in the last ${days === 1 ? "day" : `${days} days`}`;
  if (images === 0 && goneUnnamed === 0) return `No image was ${since}.`;
  const verdict = `${surviving} of ${images} images would survive an outage (${since}).`;
  const notes = [
    ...(unseen > 0 ? [`${unseen} more were pulled before these, and not looked at.`] : []),
    ...(goneUnnamed > 0
      ? [`${goneUnnamed} more were pulled and are gone; what they were called is not known.`]
      : []),
  ];
  const lines = endangered.flatMap(({ name, lastPullAt, pulls, problems }) => {
    const pulled = `${ago(Date.parse(lastPullAt), nowMs)}, ${pulls} in all`;
    return [
      `${shortened(name, widthChars - pulled.length - 2)}  ${pulled}`,
      ...problems.map((problem) => `  ${paint("yellow", wordsOf(problem))}`),
    ];
  });
  return [verdict, ...notes, ...(lines.length > 0 ? ["", ...lines] : [])].join("\n");
}

function wordsOf({
  kind,
  count,
  bytes,
}: SurviveAnswer["endangered"][number]["problems"][number]): string {
  if (kind === "gone") return "all of it is gone: evicted, or lost";
  if (kind === "no-upstream") return "its upstream is configured no more";
  return outageWords({ kind, count, bytes });
}
