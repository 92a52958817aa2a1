import { createHash, createPrivateKey, createPublicKey, type KeyObject, sign } from "node:crypto";
import { mkdtempDisposable, readFile } from "node:fs/promises";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { closeNow } from "../../src/listeners/drain.ts";
import { programPath } from "./real-program.ts";
import { mustRun } from "./run-program.ts";

export interface TokenServerOptions {
  /** The `Authorization` header that it lets in. */
  readonly authorization: string;
  /** The repositories that everybody may pull from, without that header; none where nothing is said. */
  readonly isPublic?: (repository: string) => boolean;
  /** What it says of its tokens' lives. */
  readonly expiresInSeconds: number;
  /** When docker-registry stops to take the first one, if that is not when it said. */
  readonly firstRefusedAfterSeconds?: number;
}

// docker-registry takes a token for so long after it has expired.
const leewaySeconds = 60;

/** Gives tokens for pulls that a docker-registry takes: JWTs signed with ES256, their key named as libtrust does. */
export class TokenServer implements AsyncDisposable {
  /** How many tokens it has given. */
  issued = 0;
  readonly #options: TokenServerOptions;
  readonly #key: KeyObject;
  readonly #certificate: string;
  readonly #resources: AsyncDisposableStack;
  readonly #server = createServer((request, response) => this.#answer(request, response));

  private constructor(
    options: TokenServerOptions,
    key: KeyObject,
    certificate: string,
    resources: AsyncDisposableStack,
  ) {
    this.#options = options;
    this.#key = key;
    this.#certificate = certificate;
    this.#resources = resources;
  }

  static async start(options: TokenServerOptions): Promise<TokenServer> {
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "token-server-")));
    const [keyFile, certificate] = [join(path, "key.pem"), join(path, "certificate.pem")];
    const kind = ["-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    const files = ["-keyout", keyFile, "-out", certificate, "-subj", "/CN=tokens", "-days", "2"];
    await mustRun(programPath("openssl"), ["req", ...kind, ...files]);
    const key = createPrivateKey(await readFile(keyFile));
    const server = new TokenServer(options, key, certificate, resources.move());
    const { promise, resolve } = Promise.withResolvers<void>();
    server.#server.listen(0, "127.0.0.1", resolve);
    await promise;
    return server;
  }

  get host(): string {
    return `127.0.0.1:${(this.#server.address() as AddressInfo).port}`;
  }

  /** What docker-registry's configuration says under `auth` to send its clients here. */
  get auth(): Readonly<Record<string, unknown>> {
    const realm = `http://${this.host}/token`;
    return {
      token: { realm, service: "lab", issuer: "tokens", rootcertbundle: this.#certificate },
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await closeNow(this.#server);
    await this.#resources.disposeAsync();
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { authorization: known, isPublic } = this.#options;
    const { authorization } = request.headers;
    const isKnown = authorization === known;
    if (!isKnown && !(isPublic && authorization === undefined)) {
      response.writeHead(401).end('{"errors":[{"code":"UNAUTHORIZED"}]}');
      return;
    }
    const { searchParams } = new URL(request.url ?? "", `http://${this.host}`);
    const scope = searchParams.get("scope") ?? "";
    // As token servers do: who may not have what is asked for gets a token for nothing.
    const granted = isKnown || isPublic?.(scope.split(":")[1] ?? "") ? scope : "";
    const token = this.#token(granted, searchParams.get("service") ?? "");
    this.issued++;
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ token, expires_in: this.#options.expiresInSeconds }));
  }

  #token(scope: string, audience: string): string {
    const { expiresInSeconds, firstRefusedAfterSeconds } = this.#options;
    const [type = "", name = "", actions = ""] = scope.split(":");
    const nowSeconds = Math.floor(Date.now() / 1000);
    const lifeSeconds =
      this.issued > 0 || firstRefusedAfterSeconds === undefined
        ? expiresInSeconds
        : firstRefusedAfterSeconds - leewaySeconds;
    return this.#signed({
      iss: "tokens",
      sub: "lab",
      aud: audience,
      nbf: nowSeconds - leewaySeconds,
      iat: nowSeconds,
      exp: nowSeconds + lifeSeconds,
      jti: `t${this.issued}`,
      access: scope === "" ? [] : [{ type, name, actions: actions.split(",") }],
    });
  }

  #signed(claims: Readonly<Record<string, unknown>>): string {
    const header = { typ: "JWT", alg: "ES256", kid: keyId(this.#key) };
    const content = [header, claims].map((part) => base64Url(JSON.stringify(part))).join(".");
    const key = { key: this.#key, dsaEncoding: "ieee-p1363" } as const;
    return `${content}.${sign("sha256", Buffer.from(content), key).toString("base64url")}`;
  }
}

function base64Url(text: string): string {
  return Buffer.from(text).toString("base64url");
}

/** libtrust's name of a key: 240 bits of its SHA-256 in base 32, in twelve groups of four. */
function keyId(key: KeyObject): string {
  const spki = createPublicKey(key).export({ type: "spki", format: "der" });
  const digest = createHash("sha256").update(spki).digest().subarray(0, 30);
  const bits = Array.from(digest, (byte) => byte.toString(2).padStart(8, "0")).join("");
  const letters = bits.replace(/.{5}/g, (five) => base32[Number.parseInt(five, 2)] ?? "");
  return letters.replace(/.{4}(?=.)/g, "$&:");
}

const base32 = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";
