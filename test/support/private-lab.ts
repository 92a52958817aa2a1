import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, readFile } from "node:fs/promises";
import type { IncomingMessage, ServerResponse } from "node:http";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { AccessMode, UpstreamConfig } from "../../src/config/config.ts";
import type { Digest } from "../../src/oci/digest.ts";
import { FakeUpstream } from "./fake-upstream.ts";
import {
  blobOf,
  descriptorOf,
  jsonOf,
  manifestOf,
  type TestBlob,
  type TestImage,
} from "./images.ts";
import { noise } from "./noise.ts";
import { type RawAnswer, rawRequest } from "./raw-client.ts";
import { TestMirror, type TestMirrorOptions } from "./test-mirror.ts";

const username = "CANARYU";
const password = "CANARYP";
const basic = `Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`;

// Every way in which a secret could be written on the way: as it is, or in base64.
const canary = new RegExp(`CANARY|${basic.slice("Basic ".length)}|${btoa(password)}`);

/** How a registry answers whoever may not have a repository. */
export type RefusalStatus = 401 | 403 | 404;

export interface PrivateLabOptions extends Pick<TestMirrorOptions, "freshness" | "server"> {
  readonly access?: AccessMode;
  readonly refusal?: RefusalStatus;
}

const upstreamName = "docker.io";

/**
 * A registry with rights by repository: `public/…` is for everybody, `team/…` for CANARYU, what is neither for nobody.
 * It gives tokens as registries do, to nobody too. Another registry beside it has nothing. A mirror has the credentials
 * of CANARYU. What only CANARYU may have holds the word CANARY.
 */
export class PrivateLab implements AsyncDisposable {
  readonly registry: FakeUpstream;
  readonly other: FakeUpstream;
  readonly mirror: TestMirror;
  /** One layer of both; a layer, a config and a manifest that are private. */
  readonly shared: TestBlob = blobOf(noise("shared", 40_000));
  readonly secret: TestBlob = blobOf(
    Buffer.concat([Buffer.from("CANARYB "), noise("secret", 40_000)]),
  );
  readonly publicImage: TestImage;
  readonly privateImage: TestImage;
  /** The status that nobody gets for a repository, and that CANARYU does. */
  readonly nobody: Map<string, number>;
  readonly #gate: Gate;
  readonly #directory: string;
  readonly #answers: RawAnswer[] = [];
  readonly #resources: AsyncDisposableStack;

  private constructor(parts: {
    readonly registry: FakeUpstream;
    readonly other: FakeUpstream;
    readonly mirror: TestMirror;
    readonly gate: Gate;
    readonly directory: string;
    readonly resources: AsyncDisposableStack;
  }) {
    this.registry = parts.registry;
    this.other = parts.other;
    this.mirror = parts.mirror;
    this.#gate = parts.gate;
    this.nobody = parts.gate.nobody;
    this.#directory = parts.directory;
    this.#resources = parts.resources;
    this.publicImage = imageOf("public", [this.shared]);
    this.privateImage = imageOf("CANARYI", [this.shared, this.secret]);
    this.registry.addImage("public/app", "1", this.publicImage);
    this.registry.addImage("team/secret", "1", this.privateImage);
  }

  static async start(options: PrivateLabOptions = {}): Promise<PrivateLab> {
    await using resources = new AsyncDisposableStack();
    const { access = "public", freshness = {}, server = {} } = options;
    const gate = new Gate(options);
    const registry = resources.use(
      await FakeUpstream.start({ gate: (...asked) => gate.refuse(...asked) }),
    );
    registry.override("/token", (request, response) => gate.giveToken(request, response));
    const other = resources.use(await FakeUpstream.start());
    const directory = resources.use(
      await mkdtempDisposable(join(tmpdir(), "sluice-private-")),
    ).path;
    const mirror = resources.use(
      await TestMirror.start({
        upstreams: { [upstreamName]: registry, "ghcr.io": other },
        settings: { [upstreamName]: settingsOf(access) },
        directory,
        server,
        freshness: { negativeTtlMs: 0, ...freshness },
      }),
    );
    return new PrivateLab({
      registry,
      other,
      mirror,
      gate,
      directory,
      resources: resources.move(),
    });
  }

  /** Reads the configuration again, in which the upstream has these settings. */
  reload(settings: Partial<UpstreamConfig>): void {
    const upstreams = { [upstreamName]: this.registry, "ghcr.io": this.other };
    this.mirror.reload(upstreams, { [upstreamName]: { ...settingsOf("shared"), ...settings } });
  }

  /** Caches all there is as everybody may under `access: shared`, and goes back to `access: public`. */
  async cacheAllWhileShared(): Promise<void> {
    this.reload({ access: "shared" });
    await this.#pull("public/app", this.publicImage);
    await this.pullPrivate();
    this.reload({ access: "public" });
  }

  /** Pulls all of the private image, which must be shared. */
  async pullPrivate(): Promise<void> {
    await this.#pull("team/secret", this.privateImage);
  }

  /** The registry refuses connections, and the mirror knows it: from now on it is not asked. */
  async takeDown(): Promise<void> {
    await this.registry.down();
    // What was never seen is asked for.
    while ((await this.get("/v2/team/none/tags/list")).status !== 503);
  }

  /** From now on the registry shows the repository to nobody. */
  makePrivate(repository: string, status: number): void {
    this.nobody.set(repository, status);
  }

  async get(target: string, headers: Readonly<Record<string, string>> = {}): Promise<RawAnswer> {
    return await this.ask("GET", target, headers);
  }

  /** A request of a client that has no right to anything private. */
  async ask(
    method: string,
    target: string,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<RawAnswer> {
    const answer = await rawRequest(this.mirror.url, method, target, headers);
    this.#answers.push(answer);
    return answer;
  }

  /** Whose token it is; null if it is none. */
  holderOf(authorization: string | undefined): "nobody" | "known" | null {
    return this.#gate.holderOf(authorization);
  }

  /** The requests for content that came as from nobody, or with CANARYU's right. */
  askedAs(who: "nobody" | "known"): FakeUpstream["requests"] {
    return this.registry.requests.filter(
      ({ target, headers }) =>
        target.startsWith("/v2/") && this.holderOf(headers.authorization) === who,
    );
  }

  /** Nothing secret went to a client, another registry, the log, the metrics, the admin API or the catalog. */
  async assertKept(): Promise<void> {
    for (const { headers, body } of this.#answers) {
      assert.doesNotMatch(JSON.stringify(headers) + body.toString("latin1"), canary);
    }
    for (const { target, headers } of this.other.requests) {
      assert.doesNotMatch(JSON.stringify({ target, headers }), canary);
    }
    assert.doesNotMatch(JSON.stringify(this.mirror.logLines), canary);
    for (const path of ["/metrics", "/api/v1/stats", "/readyz", "/api/v1/openapi.json"]) {
      assert.doesNotMatch((await this.mirror.admin(path)).body.toString(), canary);
    }
    const catalogs = (await readdir(this.#directory)).filter((name) => name.includes("catalog"));
    assert.ok(catalogs.length > 0);
    for (const name of catalogs) {
      assert.doesNotMatch(await readFile(join(this.#directory, name), "latin1"), canary);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  /** Twice, so that what is kept in memory of hits is there too. */
  async #pull(repository: string, { manifest, blobs }: TestImage): Promise<void> {
    const references = ["1", manifest.digest].map((one) => `manifests/${one}`);
    const paths = [...references, ...blobs.map(({ digest }) => `blobs/${digest}`)];
    for (const path of [...paths, ...paths]) {
      assert.equal((await this.mirror.get(`/v2/${repository}/${path}`)).status, 200);
      await this.mirror.idle();
    }
  }
}

/** The registry's rights and its token server. */
class Gate {
  readonly nobody = new Map<string, number>();
  readonly #options: PrivateLabOptions;
  readonly #tokens = new Map<
    string,
    { readonly who: "nobody" | "known"; readonly scope: string }
  >();

  constructor(options: PrivateLabOptions) {
    this.#options = options;
  }

  holderOf(authorization: string | undefined): "nobody" | "known" | null {
    return this.#tokens.get(authorization ?? "")?.who ?? null;
  }

  async giveToken(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { authorization } = request.headers;
    if (authorization !== undefined && authorization !== basic) {
      return void response.writeHead(401).end();
    }
    const who = authorization === undefined ? "nobody" : "known";
    const scope = new URL(request.url ?? "", "http://registry").searchParams.get("scope") ?? "";
    const token = `CANARYT${this.#tokens.size}`;
    this.#tokens.set(`Bearer ${token}`, { who, scope });
    response.writeHead(200, { "content-type": "application/json" });
    response.end(JSON.stringify({ token, expires_in: 300 }));
  }

  async refuse(
    request: IncomingMessage,
    response: ServerResponse,
    repository: string,
  ): Promise<boolean> {
    const token = this.#tokens.get(request.headers.authorization ?? "");
    const status =
      token?.scope === `repository:${repository}:pull`
        ? this.#statusFor(token.who, repository)
        : 401;
    if (status === 200) return false;
    if (status === 401) {
      const realm = `http://${request.headers.host}/token`;
      response.setHeader("www-authenticate", `Bearer realm="${realm}",service="lab"`);
    }
    const message = `${token?.who ?? "a stranger"} may not have ${repository}`;
    response.writeHead(status, { "content-type": "application/json" });
    response.end(JSON.stringify({ errors: [{ code: "DENIED", message }] }));
    return true;
  }

  #statusFor(who: "nobody" | "known", repository: string): number {
    const { refusal = 401 } = this.#options;
    const [first] = repository.split("/");
    if (who === "known") return first === "public" || first === "team" ? 200 : refusal;
    return this.nobody.get(repository) ?? (first === "public" ? 200 : refusal);
  }
}

function settingsOf(access: AccessMode): Partial<UpstreamConfig> {
  return { credentials: [{ kind: "password", username, password }], access };
}

function imageOf(name: string, layers: readonly TestBlob[]): TestImage {
  const config = blobOf(
    jsonOf({ architecture: "amd64", os: "linux", config: { Labels: { name } } }),
  );
  const manifest = manifestOf({
    schemaVersion: 2,
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    config: descriptorOf("application/vnd.oci.image.config.v1+json", config),
    layers: layers.map((one) => descriptorOf("application/vnd.oci.image.layer.v1.tar+gzip", one)),
    annotations: { name },
  });
  return { manifest, blobs: [config, ...layers], children: [] };
}

/** A digest of nothing that is anywhere. */
export const neverDigest: Digest = blobOf(Buffer.from("never there")).digest;

/** What a client sees of an answer, without what differs between any two. */
export function seenOf(
  { status, headers, body, complete }: RawAnswer,
  ...named: readonly string[]
): unknown {
  const { date: _date, "x-request-id": _id, ...others } = headers;
  const text = JSON.stringify({ status, headers: others, body: body.toString(), complete });
  return JSON.parse(named.reduce((all, name) => all.replaceAll(name, "NAMED"), text));
}

/** How a registry hides what is private, by what access it is mirrored. */
export const hidings: readonly (PrivateLabOptions & { readonly access: "public" | "shared" })[] = [
  { access: "public", refusal: 401 },
  { access: "public", refusal: 404 },
  { access: "shared", refusal: 401 },
  { access: "shared", refusal: 403 },
  { access: "shared", refusal: 404 },
];

/**
 * Lets the private image be cached, and tells what is refused then: for blobs and for manifests, a target of what is
 * cached, of what is not, and of what never was.
 */
export async function refusedTargets(
  lab: PrivateLab,
  { access }: (typeof hidings)[number],
): Promise<string[][]> {
  lab.reload({ access: "shared" });
  await lab.mirror.get(`/v2/team/secret/blobs/${lab.secret.digest}`);
  await lab.mirror.get("/v2/team/secret/manifests/1");
  await lab.mirror.idle();
  lab.reload({ access });
  const [uncached] = lab.privateImage.blobs;
  const place = access === "public" ? "/v2/team/secret" : "/v2/nobody/else";
  const kinds = [
    ["blobs", lab.secret.digest],
    ["manifests", lab.privateImage.manifest.digest],
  ] as const;
  return kinds.map(([kind, cached]) =>
    [cached, uncached?.digest, neverDigest].map((digest) => `${place}/${kind}/${digest}`),
  );
}
