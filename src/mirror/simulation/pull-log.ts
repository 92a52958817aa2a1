/** One pull of an image by one client, as it was logged. */
export interface Pull {
  /** In ms since the epoch. Pulls are logged in this order. */
  readonly atMs: number;
  /** Names the image: the digest of its root manifest, or of a blob that no manifest names. */
  readonly image: string;
  /** All that the image is known to name, its root included, whether or not this client asked for it. */
  readonly members: readonly Member[];
  /** Those members that the client asked for, because it did not hold them already. */
  readonly asked: readonly Member[];
}

export interface Member {
  readonly digest: string;
  readonly sizeBytes: number;
}

/** A blob of a log. `id` counts the blobs of the log from 0. */
export interface LoggedBlob {
  readonly id: number;
  readonly sizeBytes: number;
}

/** An image of a log. `id` counts the images of the log from 0. */
export interface LoggedImage {
  readonly id: number;
  /** What its pulls so far have named; it may grow with each, and only at the end. */
  readonly members: readonly LoggedBlob[];
  readonly sizeBytes: number;
}

/** A pull whose image and blobs are the same objects in all pulls of the log. */
export interface LoggedPull {
  readonly atMs: number;
  /** Counts the pulls of the log from 0. */
  readonly ordinal: number;
  readonly image: LoggedImage;
  readonly asked: readonly LoggedBlob[];
}

/** Reads a log pull by pull, and holds each image and blob once, but no pull. */
export class PullReader {
  readonly #images = new Map<string, NamedImage>();
  readonly #blobs = new Map<string, LoggedBlob>();
  #pulls = 0;

  read(pull: Pull): LoggedPull {
    const image = this.#image(pull.image);
    // Of an image that is pulled a thousand times, callers mostly have the members once.
    if (image.lastMembers !== pull.members) {
      image.lastMembers = pull.members;
      image.lastBlobs = pull.members.map((member) => this.#blob(member));
      image.name(image.lastBlobs);
    }
    const asked =
      pull.asked === pull.members
        ? image.lastBlobs
        : pull.asked.map((member) => this.#blob(member));
    image.name(asked);
    this.#pulls += 1;
    return { atMs: pull.atMs, ordinal: this.#pulls - 1, image, asked };
  }

  #image(key: string): NamedImage {
    const known = this.#images.get(key);
    if (known) return known;
    const image = new NamedImage(this.#images.size);
    this.#images.set(key, image);
    return image;
  }

  #blob({ digest, sizeBytes }: Member): LoggedBlob {
    const known = this.#blobs.get(digest);
    if (known) return known;
    const blob = { id: this.#blobs.size, sizeBytes };
    this.#blobs.set(digest, blob);
    return blob;
  }
}

class NamedImage implements LoggedImage {
  readonly id: number;
  lastMembers: readonly Member[] = [];
  lastBlobs: readonly LoggedBlob[] = [];
  readonly #named = new Set<LoggedBlob>();
  readonly #members: LoggedBlob[] = [];
  #sizeBytes = 0;

  constructor(id: number) {
    this.id = id;
  }

  get members(): readonly LoggedBlob[] {
    return this.#members;
  }

  get sizeBytes(): number {
    return this.#sizeBytes;
  }

  name(blobs: readonly LoggedBlob[]): void {
    for (const blob of blobs) {
      if (this.#named.has(blob)) continue;
      this.#named.add(blob);
      this.#members.push(blob);
      this.#sizeBytes += blob.sizeBytes;
    }
  }
}
