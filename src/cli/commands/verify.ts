import type { VerifyLine, VerifySummary } from "../../admin/routes/verify.ts";
import { formatBytes } from "../../config/units.ts";
import type { Finding, VerifyProgress } from "../../storage/verification/verification.ts";
import { CommandError } from "../command-error.ts";
import type { CommandOptions } from "../command-options.ts";
import { Progress } from "../output/progress.ts";
import { renderBar } from "../output/progress-bar.ts";
import { shortened } from "../output/shortened.ts";
import { Speed } from "../output/speed.ts";
import { reachMirror } from "../reached-mirror.ts";

export interface VerifyOptions extends CommandOptions {
  readonly repair?: boolean;
  /** In bytes a second, which may be infinite. */
  readonly rate: number;
}

/** `sluice verify`: rejects with CommandError if anything is damaged, and stays so. */
export async function verify(options: VerifyOptions): Promise<void> {
  await using mirror = await reachMirror(options);
  using progress = new Progress();
  const speed = new Speed();
  const { rate, repair } = options;
  const bytesPerSecond = Number.isFinite(rate) ? rate : null;
  const order = { dryRun: repair !== true, bytesPerSecond };
  for await (const line of mirror.follow<VerifyLine>({ path: "/api/v1/verify", order })) {
    if (line.kind === "progress") {
      progress.show([barOf(line, speed, progress.widthChars)]);
      continue;
    }
    progress.clear();
    process.stdout.write(options.json ? `${JSON.stringify(line)}\n` : written(line));
    if (line.kind === "done") refuseDamage(line, options);
  }
}

function barOf(
  { checkedBytes, totalBytes }: VerifyProgress,
  speed: Speed,
  widthChars: number,
): string {
  speed.note(checkedBytes, performance.now());
  const { bytesPerSecond } = speed;
  const bar = { label: "verify", doneBytes: checkedBytes, totalBytes, bytesPerSecond };
  return renderBar(bar, { widthChars, labelChars: bar.label.length });
}

function refuseDamage({ damaged }: VerifySummary, { repair }: VerifyOptions): void {
  if (damaged === 0) return;
  const found = damaged === 1 ? "one thing is damaged" : `${damaged} things are damaged`;
  throw new CommandError(
    repair ? `${found} and could not be mended` : `${found}: sluice verify --repair mends it`,
  );
}

function written(line: Exclude<VerifyLine, { kind: "progress" | "failed" }>): string {
  return `${line.kind === "finding" ? findingLine(line.finding) : summaryLines(line)}\n`;
}

function findingLine({ kind, digest, path, reason, deed }: Finding): string {
  const name = process.stdout.isTTY ? shortened(digest ?? path, 24) : (digest ?? path);
  const done = deed === "none" ? "" : `; ${deed}`;
  return `${kind.padEnd(12)}  ${name}  ${reason}${done}`;
}

function summaryLines({ checkedBlobs, checkedBytes, ...rest }: VerifySummary): string {
  const { damaged, mended, foreign } = rest;
  const verdicts = [
    damaged > 0 ? `${damaged} damaged` : "",
    mended > 0 ? `${mended} mended` : "",
    damaged + mended === 0 ? "all is right" : "",
  ].filter((text) => text !== "");
  const checked = `Checked ${checkedBlobs} blobs, ${formatBytes(checkedBytes)}: ${verdicts.join(", ")}.`;
  const left = foreign > 0 ? [`Left alone: ${foreign} that sluice did not put there.`] : [];
  return [checked, ...left].join("\n");
}
