// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration file.
import assert from "node:assert/strict";
import { mkdtempDisposable, readdir, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Answer, ask } from "../support/ask.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { eventually } from "../support/eventually.ts";
import { ociImage, type TestImage, topLayerOf } from "../support/images.ts";
import { noise } from "../support/noise.ts";
import { pushImage } from "../support/push.ts";
import { haveAll, haveRoot, programPath } from "../support/real-program.ts";
import { type Ended, runProgram } from "../support/run-program.ts";
import { copyAll } from "../support/skopeo.ts";
import { SluiceProcess } from "../support/sluice-process.ts";
import { TokenServer } from "../support/token-server.ts";

const password = "CANARYP-of-alice";
const authorization = `Basic ${Buffer.from(`alice:${password}`).toString("base64")}`;
// Tokens of the lab are JWTs, which begin so.
const secrets = new RegExp(`CANARY|${authorization.slice("Basic ".length)}|eyJ0eXAi`);

const shared = { path: "shared", bytes: noise("shared by both", 20_000) };
const images: Readonly<Record<"public/app" | "team/app", TestImage>> = {
  "public/app": ociImage({ layers: [[shared], [{ path: "a", bytes: noise("of all", 5_000) }]] }),
  "team/app": ociImage({
    layers: [[shared], [{ path: "CANARYC", bytes: noise("of alice", 5_000) }]],
    command: ["CANARYC"],
  }),
};

const upstreamName = "docker.io";
const grantTtl = "2s";

/** A docker-registry in which `public/*` is for everybody and `team/*` for alice, and a mirror that asks as alice. */
class Lab implements AsyncDisposable {
  readonly registry: DockerRegistry;
  readonly mirror: SluiceProcess;
  readonly directory: string;
  /** The repositories that everybody may pull from. */
  readonly shown: Set<string>;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    parts: Pick<Lab, "registry" | "mirror" | "directory" | "shown">,
    resources: AsyncDisposableStack,
  ) {
    this.registry = parts.registry;
    this.mirror = parts.mirror;
    this.directory = parts.directory;
    this.shown = parts.shown;
    this.#resources = resources;
  }

  static async start(): Promise<Lab> {
    await using resources = new AsyncDisposableStack();
    const directory = resources.use(
      await mkdtempDisposable(join(tmpdir(), "private-content-")),
    ).path;
    const content = join(directory, "content");
    await pushAll(content);
    const shown = new Set(["public/app", "public/none"]);
    const tokens = resources.use(
      await TokenServer.start({
        authorization,
        isPublic: (repository) => shown.has(repository),
        // docker-registry takes a token for as long as it lives, whatever has changed since.
        expiresInSeconds: 1,
      }),
    );
    const registry = resources.use(
      await DockerRegistry.start({ directory: content, auth: tokens.auth }),
    );
    const upstream = {
      endpoints: [registry.url],
      default: true,
      credentials: { username: "alice", password: "${LAB_PASSWORD}" },
      realms: [tokens.host],
      access: "shared",
    };
    const mirror = resources.use(
      await SluiceProcess.start({
        upstreams: { [upstreamName]: upstream },
        directory: join(directory, "storage"),
        settings: { freshness: { ttl: "0s", negativeTtl: "0s", grantTtl } },
        env: { LAB_PASSWORD: password },
      }),
    );
    return new Lab({ registry, mirror, directory, shown }, resources.move());
  }

  /** Lets everybody have what alice may have, or what everybody may. */
  async setAccess(access: "shared" | "public"): Promise<void> {
    const { mirror } = this;
    const before = this.#reloads();
    const text = await readFile(mirror.configFile, "utf8");
    const next = text.replace(/"access": "\w+"/, `"access": "${access}"`);
    await writeFile(mirror.configFile, next);
    mirror.kill("SIGHUP");
    await eventually("the configuration to be read", () => this.#reloads() > before);
  }

  async ask(method: string, path: string, headers: Record<string, string> = {}): Promise<Answer> {
    return await ask(`${this.mirror.url}${path}`, { method, headers });
  }

  /** skopeo's copy of a repository's image through the mirror. */
  async copy(repository: string): Promise<Ended> {
    await using home = await mkdtempDisposable(join(tmpdir(), "copy-"));
    const from = `docker://${this.mirror.host}/${repository}:1`;
    const flags = ["--insecure-policy", "copy", "--quiet", "--src-tls-verify=false"];
    return await runProgram(programPath("skopeo"), [
      ...flags,
      from,
      `dir:${join(home.path, "to")}`,
    ]);
  }

  /** Nothing secret is in the log, the metrics, the admin API or the catalog; nothing of these answers is. */
  async assertKept(...answers: readonly Answer[]): Promise<void> {
    const { mirror } = this;
    for (const { headers, bytes } of answers) {
      assert.doesNotMatch(JSON.stringify(headers) + bytes.toString("latin1"), secrets);
    }
    assert.doesNotMatch(JSON.stringify(mirror.log) + mirror.stderr, secrets);
    for (const path of ["/metrics", "/api/v1/stats", "/readyz"]) {
      assert.doesNotMatch((await ask(`${mirror.adminUrl}${path}`)).bytes.toString(), secrets);
    }
    const storage = join(this.directory, "storage");
    const catalogs = (await readdir(storage)).filter((name) => name.includes("catalog"));
    assert.ok(catalogs.length > 0);
    for (const name of catalogs) {
      assert.doesNotMatch(await readFile(join(storage, name), "latin1"), secrets);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #reloads(): number {
    return this.mirror.log.filter(({ msg }) => msg === "configuration was read again").length;
  }
}

async function pushAll(directory: string): Promise<void> {
  await using open = await DockerRegistry.start({ directory });
  for (const [repository, image] of Object.entries(images)) {
    await pushImage(open.url, repository, "1", image);
  }
}

/** What alice's image is asked for by, with where else its parts may be looked for. */
function requests(): { method: string; path: string; headers?: Record<string, string> }[] {
  const { manifest, blobs } = images["team/app"];
  const layer = topLayerOf(images["team/app"]).digest;
  const own = [
    "manifests/1",
    `manifests/${manifest.digest}`,
    ...blobs.map(({ digest }) => `blobs/${digest}`),
    "tags/list",
    `referrers/${manifest.digest}`,
  ].map((path) => `/v2/team/app/${path}`);
  const elsewhere = ["public/app", "public/none", "team/none"].flatMap((repository) => [
    `/v2/${repository}/manifests/${manifest.digest}`,
    `/v2/${repository}/blobs/${layer}`,
  ]);
  return [...own, ...elsewhere].flatMap((path) => [
    { method: "GET", path },
    { method: "HEAD", path },
    { method: "GET", path, headers: { "if-none-match": "*" } },
    { method: "GET", path, headers: { range: "bytes=0-9" } },
    { method: "GET", path, headers: { range: "bytes=0-9", "if-range": `"${layer}"` } },
  ]);
}

async function assertNoneServed(lab: Lab, statuses: readonly number[]): Promise<void> {
  const answers: Answer[] = [];
  for (const { method, path, headers } of requests()) {
    const answer = await lab.ask(method, path, headers);
    assert.ok(
      statuses.includes(answer.status),
      `${method} ${path}: ${answer.status} ${answer.bytes}`,
    );
    answers.push(answer);
  }
  assert.doesNotMatch((await lab.ask("GET", "/v2/_catalog")).bytes.toString(), /team/);
  await lab.assertKept(...answers);
}

test("what a docker-registry gives to alice only is served to nobody, however it came here", async (t) => {
  if (!haveAll(t, "docker-registry", "openssl", "skopeo")) return;
  await using lab = await Lab.start();
  assert.equal((await lab.copy("team/app")).code, 0);
  assert.equal((await lab.copy("public/app")).code, 0);

  await lab.setAccess("public");

  assert.notEqual((await lab.copy("team/app")).code, 0);
  assert.equal((await lab.copy("public/app")).code, 0);
  await assertNoneServed(lab, [403, 404]);
  const layer = images["public/app"].blobs[1]?.digest;
  assert.ok(layer && images["team/app"].blobs.some(({ digest }) => digest === layer));
  assert.equal((await lab.ask("GET", `/v2/team/app/blobs/${layer}`)).status, 403);
  assert.equal((await lab.ask("GET", `/v2/public/app/blobs/${layer}`)).status, 200);

  await lab.registry.stop();
  await assertNoneServed(lab, [502, 503]);
  assert.notEqual((await lab.copy("team/app")).code, 0);
  assert.equal((await lab.copy("public/app")).code, 0);
});

test("a repository of a docker-registry that is hidden is refused when its proof has aged, and not for trouble", async (t) => {
  if (!haveAll(t, "docker-registry", "openssl", "skopeo")) return;
  await using lab = await Lab.start();
  await lab.setAccess("public");
  assert.equal((await lab.copy("public/app")).code, 0);

  lab.shown.delete("public/app");
  const path = `/v2/public/app/blobs/${topLayerOf(images["public/app"]).digest}`;
  const refused = await eventually("the refusal", async () => {
    const answer = await lab.ask("GET", path);
    return answer.status === 200 ? null : answer;
  });
  assert.equal(refused.status, 403);
  assert.notEqual((await lab.copy("public/app")).code, 0);

  lab.shown.add("public/app");
  await eventually("the proof", async () => (await lab.ask("GET", path)).status === 200);
  await lab.registry.stop();
  assert.equal((await lab.copy("public/app")).code, 0);
});

test("podman pulls what everybody may have, and not what alice may", async (t) => {
  if (!haveRoot(t) || !haveAll(t, "docker-registry", "openssl", "podman", "runc", "skopeo")) return;
  await using lab = await Lab.start();
  await using directory = await mkdtempDisposable(join(tmpdir(), "shared-"));
  await copyAll(`${lab.mirror.host}/team/app:1`, `dir:${join(directory.path, "team")}`);
  await lab.setAccess("public");
  await using home = await ContainersHome.make({ mirrorHost: lab.mirror.host });

  await home.podman("pull", "--quiet", "docker.io/public/app:1");
  await assert.rejects(home.podman("pull", "--quiet", "docker.io/team/app:1"));
  await lab.registry.stop();
  await home.podman("rmi", "--all", "--force");
  await home.podman("pull", "--quiet", "docker.io/public/app:1");
  await assert.rejects(home.podman("pull", "--quiet", "docker.io/team/app:1"));

  await lab.assertKept();
});
