import type { BoundedFile } from "./config/bounded-file.ts";
import { type CertificatePair, pairOf, readPemFile } from "./config/certificate-pair.ts";
import type { CertificateFiles } from "./config/config.ts";
import { ChangingFile } from "./upstream/changing-file.ts";

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
  readonly #files: CertificateFiles;
  readonly #certificate: ChangingFile<BoundedFile>;
  readonly #key: ChangingFile<BoundedFile>;
  #last: { readonly certificate: BoundedFile; readonly key: BoundedFile } | null = null;
  #problem: string | null = null;

  constructor(files: CertificateFiles) {
    this.#files = files;
    this.#certificate = new ChangingFile(files.certificateFile, readPemFile);
    this.#key = new ChangingFile(files.keyFile, readPemFile);
  }

  forget(): void {
    this.#certificate.forget();
    this.#key.forget();
  }

  async look(): Promise<Look> {
    const [certificate, key] = [await this.#certificate.content(), await this.#key.content()];
    if (certificate === this.#last?.certificate && key === this.#last.key) return unchanged;
    this.#last = { certificate, key };
    const read = pairOf(this.#files, certificate, key);
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
