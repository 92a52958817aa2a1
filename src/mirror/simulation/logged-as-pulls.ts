import { type LoggedPulls, unpackMembers } from "../../storage/images/logged-pulls.ts";
import type { Member, Pull } from "./pull-log.ts";

/**
 * A log as replays read it. What a client held already is not in it, so each is taken to have asked for all that the image
 * names.
 */
export class LoggedAsPulls implements Iterable<Pull> {
  readonly #logged: LoggedPulls;
  readonly #images: readonly { readonly image: string; readonly members: readonly Member[] }[];

  constructor(logged: LoggedPulls) {
    this.#logged = logged;
    const { members, memberEnds } = logged;
    this.#images = Array.from(memberEnds, (end, number) => ({
      image: String(number),
      members: unpackMembers(members.subarray(memberEnds[number - 1] ?? 0, end)).map(
        ({ prefix, sizeBytes }) => ({ digest: prefix, sizeBytes }),
      ),
    }));
  }

  *[Symbol.iterator](): Generator<Pull> {
    const { atMs, images } = this.#logged;
    for (let at = 0; at < atMs.length; at++) {
      const image = this.#images[images[at] ?? -1];
      if (image) yield { atMs: atMs[at] ?? 0, asked: image.members, ...image };
    }
  }
}
