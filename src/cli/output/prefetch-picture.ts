import type { PrefetchProgress } from "../../mirror/prefetch/prefetch.ts";
import type { Progress } from "./progress.ts";
import { renderBar } from "./progress-bar.ts";
import { Speed } from "./speed.ts";

// Twelve digits of a digest, and "in all" with two counts of images.
const labelChars = 12;

/** A bar for each blob that comes, and one for all of it. */
export class PrefetchPicture {
  readonly #speed = new Speed();

  /** At a time of a clock that never jumps, in ms. */
  draw(
    progress: PrefetchProgress,
    nowMs: number,
    { widthChars, heightLines }: Pick<Progress, "widthChars" | "heightLines">,
  ): string[] {
    const { inFlight, doneImages, images, doneBytes, totalBytes, fetchedBytes } = progress;
    this.#speed.note(fetchedBytes, nowMs);
    const space = { widthChars, labelChars };
    const blobs = inFlight.slice(0, heightLines - 1).map((blob) => {
      const label = blob.digest.replace(/^sha\d+:/, "").slice(0, 12);
      return renderBar({ ...blob, label, bytesPerSecond: null }, space);
    });
    const label = images === 1 ? "in all" : `${doneImages} of ${images}`;
    const { bytesPerSecond } = this.#speed;
    return [...blobs, renderBar({ label, doneBytes, totalBytes, bytesPerSecond }, space)];
  }
}
