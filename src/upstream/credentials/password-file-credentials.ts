import { ChangingFile } from "../../config/files/changing-file.ts";
import { readPasswordFile } from "../../config/files/password-file.ts";
import { type CredentialSource, type Credentials, NoCredentials } from "./credentials.ts";

/** A user whose password is in a file, which somebody or something writes anew from time to time. */
export class PasswordFileCredentials implements CredentialSource {
  readonly #username: string;
  readonly #file: ChangingFile<string>;

  constructor(username: string, path: string) {
    this.#username = username;
    this.#file = new ChangingFile(path, passwordIn);
  }

  async credentials(): Promise<Credentials> {
    const password = await this.#file.content();
    return { kind: "password", username: this.#username, password };
  }

  renew(): void {
    this.#file.forget();
  }

  [Symbol.dispose](): void {}
}

async function passwordIn(path: string): Promise<string> {
  const file = await readPasswordFile(path);
  if (file.kind === "password") return file.password;
  throw new NoCredentials(`the password file ${file.message}`);
}
