import { text } from "node:stream/consumers";
import type { PrefetchLine, PrefetchSummary } from "../../admin/routes/prefetch.ts";
import { readBoundedFile } from "../../config/files/bounded-file.ts";
import { formatBytes } from "../../config/units.ts";
import type { PrefetchPlan } from "../../mirror/prefetch/prefetch-plan.ts";
import type { PrefetchedResult } from "../../mirror/prefetch/prefetched-image.ts";
import { CommandError } from "../command-error.ts";
import type { CommandOptions } from "../command-options.ts";
import { PrefetchPicture } from "../output/prefetch-picture.ts";
import { Progress } from "../output/progress.ts";
import { reachMirror } from "../reached-mirror.ts";

export interface PrefetchOptions extends CommandOptions {
  /** Separated by commas. */
  readonly platform?: string;
  /** Of names, one a line; `-` for stdin. */
  readonly file?: string;
  readonly dryRun?: boolean;
}

// A registry may take so long for a manifest, and then nothing is told.
const timeoutMs = 60_000;

/** `sluice prefetch`: rejects with CommandError if an image could not be had. */
export async function prefetch(names: readonly string[], options: PrefetchOptions): Promise<void> {
  const listed = options.file === undefined ? [] : await namesIn(options.file);
  const images = [...new Set([...names, ...listed])];
  if (images.length === 0) throw new CommandError(`${options.file} names no image`);
  await using mirror = await reachMirror(options);
  using progress = new Progress();
  const picture = new PrefetchPicture();
  const { dryRun = false } = options;
  const order = { images, platforms: platformsIn(options), dryRun };
  const question = { path: "/api/v1/prefetch", order, timeoutMs };
  for await (const line of mirror.follow<PrefetchLine>(question)) {
    if (line.kind === "progress") {
      progress.show(picture.draw(line, performance.now(), progress));
      continue;
    }
    progress.clear();
    process.stdout.write(options.json ? `${JSON.stringify(line)}\n` : written(line, dryRun));
    if (line.kind === "done") refuseFailures(line);
  }
}

function platformsIn({ platform }: PrefetchOptions): string[] {
  return platform?.split(",").map((one) => one.trim()) ?? [];
}

// Many times what the mirror takes at once.
const limitBytes = 1024 * 1024;

/** A name a line; what follows a `#` is a remark. Rejects with CommandError if it cannot be read. */
async function namesIn(file: string): Promise<string[]> {
  const written = file === "-" ? await text(process.stdin) : await textOf(file);
  return written
    .split("\n")
    .map((line) => line.replace(/(?:^|\s)#.*/, "").trim())
    .filter((line) => line !== "");
}

async function textOf(file: string): Promise<string> {
  const content = await readBoundedFile(file, limitBytes);
  if (content.kind === "text") return content.text;
  throw new CommandError(`${file} ${content.problem}`);
}

function refuseFailures({ failed, images }: PrefetchSummary): void {
  if (failed === 0) return;
  throw new CommandError(`${failed} of ${images} images could not be fetched whole`);
}

function written(
  line: Extract<PrefetchLine, { kind: "image" | "plan" | "done" }>,
  dryRun: boolean,
): string {
  if (line.kind === "plan") return `${planLine(line)}\n`;
  if (line.kind === "image") return `${imageLine(line)}\n`;
  const { images, failed, fetchedBytes } = line;
  return images === 1 || dryRun
    ? ""
    : `${images - failed} of ${images} images are here; ${formatBytes(fetchedBytes)} came\n`;
}

function imageLine(result: PrefetchedResult): string {
  const { image, fetchedBytes, presentBytes, error } = result;
  if (error !== null) return `${image}  failed: ${error}`;
  if (fetchedBytes === 0) return `${image}  ${formatBytes(presentBytes)} were here already`;
  const here = presentBytes > 0 ? `, ${formatBytes(presentBytes)} were here` : "";
  return `${image}  ${formatBytes(fetchedBytes)} fetched${here}`;
}

function planLine(plan: PrefetchPlan): string {
  const { image, digest, missingBlobs, missingBytes, presentBytes, error } = plan;
  if (error !== null) return `${image}  would fail: ${error}`;
  if (digest === null)
    return `${image}  nothing of it is here; its registry knows how much that is`;
  const here = `${formatBytes(presentBytes)} are here`;
  if (missingBlobs === 0) return `${image}  ${here}, and nothing is missing`;
  const least = plan.unknownManifests > 0 ? "at least " : "";
  return `${image}  ${least}${formatBytes(missingBytes)} would be fetched, ${here}`;
}
