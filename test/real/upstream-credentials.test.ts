// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration file and of a shell.
import assert from "node:assert/strict";
import { mkdtempDisposable, rename, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { type Answer, ask } from "../support/ask.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { eventually } from "../support/eventually.ts";
import { imageOfSize, type TestImage } from "../support/images.ts";
import { pullBlob } from "../support/pull-blob.ts";
import { pushImage } from "../support/push.ts";
import { haveAll, programPath } from "../support/real-program.ts";
import { mustRun } from "../support/run-program.ts";
import { type LogLine, type Settings, SluiceProcess } from "../support/sluice-process.ts";
import { TokenServer } from "../support/token-server.ts";

const user = "alice";
const password = "CANARYP-of-alice";
const authorization = `Basic ${Buffer.from(`${user}:${password}`).toString("base64")}`;
const secrets = new RegExp(`CANARYP|${authorization.slice("Basic ".length)}|eyJ0eXAi`);

/** Numbered images that differ. */
function images(count: number): TestImage[] {
  return Array.from({ length: count }, (_, at) => imageOfSize(`credentials ${at}`, 1000));
}

/** A directory with what registries and mirrors are told, and the content of a registry that holds `pushed`. */
async function scene(
  pushed: readonly TestImage[],
): Promise<
  { directory: string; file: (name: string, content: string) => Promise<string> } & AsyncDisposable
> {
  const home = await mkdtempDisposable(join(tmpdir(), "credentials-"));
  const directory = join(home.path, "content");
  await using open = await DockerRegistry.start({ directory });
  for (const [at, image] of pushed.entries()) {
    await pushImage(open.url, "team/app", String(at), image);
  }
  const file = async (name: string, content: string): Promise<string> => {
    const path = join(home.path, name);
    await writeFile(`${path}.new`, content, { mode: 0o755 });
    await rename(`${path}.new`, path);
    return path;
  };
  return { directory, file, [Symbol.asyncDispose]: () => home[Symbol.asyncDispose]() };
}

/** A mirror of the registry with these credentials, which everybody may use. */
function mirrorOf(
  registry: DockerRegistry,
  credentials: Settings,
  { realms = [], env = {} }: { realms?: readonly string[]; env?: Record<string, string> } = {},
): Promise<SluiceProcess> {
  const upstream = { endpoints: [registry.url], credentials, realms, access: "shared" };
  const upstreams = { "registry.internal:5000": upstream };
  // What is not there is asked for each time.
  return SluiceProcess.start({ upstreams, env, settings: { freshness: { negativeTtl: "0s" } } });
}

function manifestOf(mirror: SluiceProcess, reference: number | string): Promise<Answer> {
  return ask(`${mirror.url}/v2/registry.internal:5000/team/app/manifests/${reference}`);
}

async function assertPulled(mirror: SluiceProcess, at: number, image?: TestImage): Promise<void> {
  assert.ok(image);
  const { status, bytes } = await manifestOf(mirror, at);
  assert.equal(status, 200, bytes.toString());
  assert.deepEqual(bytes, image.manifest.bytes);
  for (const { digest } of image.blobs) {
    const pull = await pullBlob(mirror.url, "registry.internal:5000/team/app", digest);
    assert.equal(await pull.digest, digest);
  }
}

async function assertNothingSecret(mirror: SluiceProcess, ...answers: Answer[]): Promise<void> {
  const log: readonly LogLine[] = mirror.log;
  const metrics = await ask(`${mirror.adminUrl}/metrics`);
  for (const text of [JSON.stringify(log), mirror.stderr, metrics.bytes.toString()]) {
    assert.doesNotMatch(text, secrets);
  }
  for (const { bytes, headers } of answers) {
    assert.doesNotMatch(bytes.toString() + JSON.stringify(headers), secrets);
  }
}

test("a registry with htpasswd gives its images for the password in the file", async (t) => {
  if (!haveAll(t, "docker-registry", "htpasswd")) return;
  const pushed = images(2);
  await using lab = await scene(pushed);
  const users = await mustRun(programPath("htpasswd"), ["-Bbn", user, password]);
  const path = await lab.file("htpasswd", users);
  await using registry = await DockerRegistry.start({
    directory: lab.directory,
    auth: { htpasswd: { realm: "lab", path } },
  });
  const passwordFile = await lab.file("password", `${password}\n`);
  await using mirror = await mirrorOf(registry, { username: user, passwordFile });

  await assertPulled(mirror, 0, pushed[0]);

  await lab.file("password", "CANARYP-wrong");
  const refused = await manifestOf(mirror, 1);
  assert.equal(refused.status, 403);
  await lab.file("password", password);
  await assertPulled(mirror, 1, pushed[1]);
  await assertNothingSecret(mirror, refused);
});

test("tokens that end amid pulls are renewed, and no client notices", async (t) => {
  if (!haveAll(t, "docker-registry", "openssl")) return;
  // Who is told that one has ended must not find the next one ended as well, however slow the machine is.
  const ends: readonly (readonly [
    what: string,
    lives: { said: number; first?: number; issued: number },
  ])[] = [
    ["when they said", { said: 1, issued: 3 }],
    ["long before they said", { said: 300, first: 1, issued: 2 }],
  ];
  for (const [what, { said, first, issued }] of ends) {
    await t.test(what, async () => {
      const pushed = images(2);
      await using lab = await scene(pushed);
      await using tokens = await TokenServer.start({
        authorization,
        expiresInSeconds: said,
        ...(first === undefined ? {} : { firstRefusedAfterSeconds: first }),
      });
      await using registry = await DockerRegistry.start({
        directory: lab.directory,
        auth: tokens.auth,
      });
      const credentials = { username: user, password: "${LAB_PASSWORD}" };
      const realms = [tokens.host];
      const env = { LAB_PASSWORD: password };
      await using mirror = await mirrorOf(registry, credentials, { realms, env });

      await assertPulled(mirror, 0, pushed[0]);
      await eventually("a new token", async () => {
        assert.equal((await manifestOf(mirror, "none")).status, 404);
        return tokens.issued >= issued;
      });
      await assertPulled(mirror, 1, pushed[1]);

      const refusals = (await registry.requests()).filter(({ status }) => status === 401);
      assert.ok(first === undefined ? refusals.length === 1 : refusals.length >= 2);
      await assertNothingSecret(mirror);
    });
  }
});

test("a token server that is not named under realms is not given the password", async (t) => {
  if (!haveAll(t, "docker-registry", "openssl")) return;
  await using lab = await scene(images(1));
  await using tokens = await TokenServer.start({ authorization, expiresInSeconds: 300 });
  await using registry = await DockerRegistry.start({
    directory: lab.directory,
    auth: tokens.auth,
  });
  const passwordFile = await lab.file("password", password);
  await using mirror = await mirrorOf(registry, { username: user, passwordFile });

  const answer = await manifestOf(mirror, 0);

  assert.equal(answer.status, 502);
  assert.ok(
    answer.bytes
      .toString()
      .includes(`add ${tokens.host} to upstreams.\\"registry.internal:5000\\"`),
    answer.bytes.toString(),
  );
  assert.equal(tokens.issued, 0);
  await assertNothingSecret(mirror, answer);
});

test("a credential helper that a config.json names is run, and named when it cannot be", async (t) => {
  if (!haveAll(t, "docker-registry", "openssl")) return;
  const pushed = images(1);
  await using lab = await scene(pushed);
  await using tokens = await TokenServer.start({ authorization, expiresInSeconds: 300 });
  await using registry = await DockerRegistry.start({
    directory: lab.directory,
    auth: tokens.auth,
  });
  const helper = await lab.file(
    "docker-credential-lab",
    `#!/bin/sh
read -r server
[ "$1 $server" = "get registry.internal:5000" ] || exit 1
printf '{"ServerURL":"%s","Username":"${user}","Secret":"%s"}' "$server" "$LAB_PASSWORD"
`,
  );
  const dockerConfig = await lab.file(
    "config.json",
    JSON.stringify({ credHelpers: { "registry.internal:5000": "lab" } }),
  );
  const env = {
    PATH: `${join(helper, "..")}:${process.env["PATH"]}`,
    LAB_PASSWORD: password,
  };
  await using mirror = await mirrorOf(registry, { dockerConfig }, { realms: [tokens.host], env });

  await assertPulled(mirror, 0, pushed[0]);

  await lab.file("config.json", '{"credHelpers":{"registry.internal:5000":"gone"}}');
  const answer = await manifestOf(mirror, "none");
  assert.equal(answer.status, 502);
  assert.match(answer.bytes.toString(), /docker-credential-gone cannot be run/);
  await assertNothingSecret(mirror, answer);
});
