import type { CertificateFiles } from "../config/config.ts";
import { type CertificatePair, pairOf, readPemFile } from "../config/files/certificate-pair.ts";
import { FollowedFiles } from "../config/files/followed-files.ts";

export interface Look {
  /** Whether there is another good pair now. */
  readonly changed: boolean;
  /** What is newly wrong with the files. */
  readonly problem: string | null;
}

const unchanged: Look = { changed: false, problem: null };

/** A certificate and its key as they are in their files, or were when they last were good. */
export class FollowedPair {
  pair: CertificatePair | null = null;
  readonly #files: FollowedFiles<readonly [string, string], ReturnType<typeof pairOf>>;
  #problem: string | null = null;

  constructor(files: CertificateFiles) {
    this.#files = new FollowedFiles({
      paths: [files.certificateFile, files.keyFile],
      read: readPemFile,
      judge: ([certificate, key]) => pairOf(files, certificate, key),
    });
  }

  /** Whether the files, as they are now, cannot be used. */
  get isBroken(): boolean {
    return this.#problem !== null;
  }

  forget(): void {
    this.#files.forget();
  }

  async look(): Promise<Look> {
    const read = await this.#files.look();
    if (read === null) return unchanged;
    if (read.kind === "problem") {
      const isKnown = this.#problem === read.message;
      this.#problem = read.message;
      return { changed: false, problem: isKnown ? null : read.message };
    }
    const { pair } = this;
    const changed = pair?.certificatePem !== read.certificatePem || pair.keyPem !== read.keyPem;
    this.#problem = null;
    this.pair = read;
    return { changed, problem: null };
  }
}
