import assert from "node:assert/strict";
import { readFile, rm, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { pino } from "pino";
import type { Repository } from "../../src/oci/repository.ts";
import type { Credentials } from "../../src/upstream/credentials/credentials.ts";
import { DockerConfigCredentials } from "../../src/upstream/credentials/docker-config-credentials.ts";
import type { ConfiguredUpstreams } from "../../src/wiring/configured-upstreams.ts";
import { configuredUpstreams, configureOne } from "../support/configured-upstream.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { assertError, authorizations, CanaryLab } from "./canary-lab.ts";
import { HelperScripts } from "./helper-scripts.ts";

const me: Credentials = { kind: "password", username: "me", password: "s:e:c" };
const auth = Buffer.from("me:s:e:c").toString("base64");

/** A Docker config.json with helpers beside it, and a clock that is moved by hand. */
class Lab implements AsyncDisposable {
  readonly scripts: HelperScripts;
  readonly logLines: string[] = [];
  readonly #sources: DockerConfigCredentials[] = [];
  #nowMs = 1_000_000;

  private constructor(scripts: HelperScripts) {
    this.scripts = scripts;
  }

  static async create(): Promise<Lab> {
    return new Lab(await HelperScripts.create());
  }

  get file(): string {
    return this.scripts.file("config.json");
  }

  write(config: unknown): Promise<void> {
    return writeFile(this.file, JSON.stringify(config));
  }

  /** A helper that gives `user`, with what it was asked for as the password, and counts its runs. */
  addHelper(name: string, user: string): Promise<void> {
    const runs = this.scripts.file(`${name}.runs`);
    return this.scripts.add(
      name,
      `echo run >> ${runs}\nprintf '{"Username":"%s","Secret":"%s"}' ${user} "$(cat)"`,
    );
  }

  async runs(name: string): Promise<number> {
    const text = await readFile(this.scripts.file(`${name}.runs`), "utf8").catch(() => "");
    return text.split("\n").length - 1;
  }

  source(upstream = "ghcr.io"): DockerConfigCredentials {
    const source = new DockerConfigCredentials({
      file: this.file,
      upstream,
      env: { PATH: this.scripts.path },
      monotonicMs: () => this.#nowMs,
      log: pino({ level: "info" }, { write: (line: string) => void this.logLines.push(line) }),
    });
    this.#sources.push(source);
    return source;
  }

  credentials(upstream?: string): Promise<Credentials | null> {
    return this.source(upstream).credentials();
  }

  advance(seconds: number): void {
    this.#nowMs += seconds * 1000;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const source of this.#sources) source[Symbol.dispose]();
    await this.scripts[Symbol.asyncDispose]();
  }
}

test("an entry is found under the names that docker login writes", async (t) => {
  await using lab = await Lab.create();
  const keys: readonly (readonly [upstream: string, key: string, found: boolean])[] = [
    ["docker.io", "https://index.docker.io/v1/", true],
    ["docker.io", "index.docker.io", true],
    ["docker.io", "docker.io", true],
    ["docker.io", "registry-1.docker.io", true],
    ["docker.io", "https://registry-1.docker.io/v2/", true],
    ["docker.io", "https://auth.docker.io/", false],
    ["ghcr.io", "ghcr.io", true],
    ["ghcr.io", "https://ghcr.io", true],
    ["ghcr.io", "http://ghcr.io/v1/", true],
    ["ghcr.io", "docker.ghcr.io", false],
    ["ghcr.io", "ghcr.io:443", false],
    ["ghcr.io", "evil.example/ghcr.io", false],
    ["ghcr.io", "https://evil.example/ghcr.io", false],
    ["registry.internal:5000", "registry.internal:5000", true],
    ["registry.internal:5000", "https://registry.internal:5000/v2/", true],
    ["registry.internal:5000", "registry.internal", false],
  ];
  for (const [upstream, key, found] of keys) {
    await t.test(`${key} for ${upstream}`, async () => {
      await lab.write({ auths: { [key]: { auth } } });

      assert.deepEqual(await lab.credentials(upstream), found ? me : null);
    });
  }
  await t.test("its own name before a URL", async () => {
    await lab.write({ auths: { "https://ghcr.io/v1/": { auth: "eDp5" }, "ghcr.io": { auth } } });

    assert.deepEqual(await lab.credentials(), me);
  });
});

test("an entry is a pair in base64, a user and a password, or an identity token", async (t) => {
  await using lab = await Lab.create();
  const zeros = Buffer.from("me:s:e:c\0\0").toString("base64");
  const entries: readonly (readonly [entry: unknown, expected: Credentials | null])[] = [
    [{ auth }, me],
    [{ auth: zeros }, me],
    [{ username: "me", password: "s:e:c" }, me],
    [{ auth, username: "other", password: "other" }, me],
    [
      { auth, identitytoken: "idt" },
      { kind: "identity-token", token: "idt" },
    ],
    [{}, null],
    [{ auth: "", email: "me@example.com" }, null],
    [{ auth: null, password: null }, null],
  ];
  for (const [entry, expected] of entries) {
    await t.test(JSON.stringify(entry), async () => {
      await lab.write({ auths: { "ghcr.io": entry } });

      assert.deepEqual(await lab.credentials(), expected);
    });
  }
});

test("a configuration that cannot be used is told by its file, without its content", async () => {
  await using lab = await Lab.create();
  const source = lab.source();
  const contents: readonly (readonly [content: string | null, reason: RegExp])[] = [
    [
      '{"auths":{"ghcr.io":{"auth":"Q0FOQVJZUA=="}}}',
      /an "auth" for this registry that is no user:/,
    ],
    ['{"auths":{"ghcr.io":{"auth":"!!"}}}', /an "auth" for this registry that is no user:/],
    ['{"auths":{"ghcr.io":{"auth":"CANARYP', /is not JSON/],
    ['{"auths":{"ghcr.io":"CANARYP"}}', /is not a Docker config\.json/],
    ['{"credHelpers":{"ghcr.io":"../CANARY"}}', /is no name of a credential helper/],
    [null, /does not exist/],
  ];
  for (const [content, reason] of contents) {
    if (content === null) await rm(lab.file);
    else await writeFile(lab.file, content);

    const error = await source.credentials().then(
      () => null,
      (cause: unknown) => cause,
    );

    assert.ok(error instanceof Error);
    assert.equal(error.name, "NoCredentials");
    assert.match(error.message, reason);
    if (!/helper/.test(error.message)) {
      assert.ok(error.message.includes(lab.file), error.message);
      assert.doesNotMatch(error.message, /CANARY|Q0FO/);
    }
  }
});

test("a registry's own helper goes before the general one, and that before what is written", async () => {
  await using lab = await Lab.create();
  await lab.addHelper("own", "own");
  await lab.addHelper("general", "general");
  await lab.scripts.add("empty", "echo credentials not found in native keychain; exit 1");
  const auths = { "ghcr.io": { auth }, "quay.io": {} };
  const user = async (config: unknown, upstream = "ghcr.io"): Promise<unknown> => {
    await lab.write(config);
    const credentials = await lab.credentials(upstream);
    return credentials?.kind === "password" ? credentials.username : credentials;
  };

  const credHelpers = { "ghcr.io": "own" };
  assert.equal(await user({ auths, credsStore: "general", credHelpers }), "own");
  assert.equal(await user({ auths, credsStore: "general", credHelpers }, "quay.io"), "general");
  assert.equal(await user({ auths, credsStore: "general" }), "general");
  assert.equal(await user({ auths, credsStore: "empty" }), "me");
  assert.equal(await user({ auths, credsStore: "empty" }, "quay.io"), null);
  assert.equal(await user({ auths, credHelpers: { "ghcr.io": "empty" } }), null);
  assert.equal(await user({ auths, credsStore: "" }), "me");
});

test("a helper is asked for the name that docker login stores", async () => {
  await using lab = await Lab.create();
  await lab.addHelper("lab", "me");
  await lab.write({ credsStore: "lab" });
  const names = [
    ["docker.io", "https://index.docker.io/v1/"],
    ["ghcr.io", "ghcr.io"],
    ["registry.internal:5000", "registry.internal:5000"],
  ];
  for (const [upstream, password] of names) {
    assert.deepEqual(await lab.credentials(upstream), { ...me, password });
  }
});

test("what a helper said is remembered for five minutes, and asked for again when it is refused", async () => {
  await using lab = await Lab.create();
  await lab.addHelper("lab", "me");
  await lab.write({ credHelpers: { "ghcr.io": "lab" } });
  const source = lab.source();
  const runsAfter = async (seconds: number): Promise<number> => {
    lab.advance(seconds);
    await Promise.all([source.credentials(), source.credentials()]);
    return await lab.runs("lab");
  };
  assert.equal(await runsAfter(0), 1);
  assert.equal(await runsAfter(299), 1);
  assert.equal(await runsAfter(1), 2);

  // Refused at once: it cannot have more to say.
  source.renew();
  assert.equal(await runsAfter(0), 2);
  assert.equal(await runsAfter(10), 2);
  source.renew();
  assert.equal(await runsAfter(0), 3);
  source.renew();
  assert.equal(await runsAfter(0), 3);

  // Another helper has its own say.
  await lab.addHelper("other", "you");
  await lab.write({ credHelpers: { "ghcr.io": "other" } });
  assert.deepEqual(await source.credentials(), { ...me, username: "you", password: "ghcr.io" });
});

test("an upstream that ends leaves no helper running", async (t) => {
  const ends = {
    "by disposal": (configured: ConfiguredUpstreams) => configured[Symbol.asyncDispose](),
    "by disposal after another configuration": (configured: ConfiguredUpstreams) => {
      configured.configure([]);
      return configured[Symbol.asyncDispose]();
    },
  };
  for (const [what, end] of Object.entries(ends)) {
    await t.test(what, async () => {
      await using lab = await Lab.create();
      await using registry = await FakeUpstream.start({ tokens: true });
      const pidFile = lab.scripts.file("pid");
      await lab.scripts.add(
        "lab",
        `echo $$ > ${pidFile}.new; mv ${pidFile}.new ${pidFile}; sleep 600`,
      );
      await lab.write({ credsStore: "lab" });
      await using configured = configuredUpstreams({ PATH: lab.scripts.path });
      const upstream = configureOne(configured, {
        name: "ghcr.io",
        endpoints: [new URL(registry.url)],
        credentials: [{ kind: "docker-config", file: lab.file }],
      });
      const place = { repository: "team/app" as Repository, via: "", login: null };
      const asked = upstream.listTags(place, { n: null, last: null, token: null });
      asked.catch(() => {});
      const pid = await eventually("the helper to run", () =>
        readFile(pidFile, "utf8").then(Number, () => null),
      );

      await end(configured);

      // And not when its own ten seconds are over.
      await assert.rejects(asked, /ended with SIGKILL/);
      assert.throws(() => process.kill(pid, 0), { code: "ESRCH" });
    });
  }
});

test("what goes on through an upstream of an earlier configuration may still ask a helper", async () => {
  // The helper was killed as soon as it ran: a blob that broke off after a reload could not be gone on with.
  await using lab = await Lab.create();
  await using registry = await FakeUpstream.start({ tokens: true });
  registry.addImage("team/app", "1", imageOfSize("goes on", 100));
  await lab.addHelper("lab", "me");
  await lab.write({ credsStore: "lab" });
  await using configured = configuredUpstreams({ PATH: lab.scripts.path });
  const upstream = configureOne(configured, {
    name: "ghcr.io",
    endpoints: [new URL(registry.url)],
    credentials: [{ kind: "docker-config", file: lab.file }],
  });

  configured.configure([]);
  const place = { repository: "team/app" as Repository, via: "", login: null };
  const list = await upstream.listTags(place, { n: null, last: null, token: null });

  assert.deepEqual(list?.tags, ["1"]);
  assert.equal(await lab.runs("lab"), 1);
});

test("that a configuration has no credentials for an upstream is said once, for pulls are anonymous then", async () => {
  await using lab = await Lab.create();
  await lab.write({ auths: { "quay.io": { auth } } });
  const source = lab.source("ghcr.io");

  assert.equal(await source.credentials(), null);
  assert.equal(await source.credentials(), null);
  assert.deepEqual(await lab.credentials("quay.io"), me);

  assert.equal(lab.logLines.length, 1);
  const { upstream, file, msg } = JSON.parse(lab.logLines[0] ?? "");
  assert.deepEqual({ upstream, file }, { upstream: "ghcr.io", file: lab.file });
  assert.match(msg, /anonymous/);
});

test("an entry that changes is the new one from then on", async () => {
  await using lab = await Lab.create();
  await lab.write({ auths: { "ghcr.io": { auth } } });
  const source = lab.source();
  assert.deepEqual(await source.credentials(), me);

  await lab.write({ auths: { "ghcr.io": { auth: Buffer.from("you:longer").toString("base64") } } });

  assert.deepEqual(await source.credentials(), {
    kind: "password",
    username: "you",
    password: "longer",
  });
});

test("an identity token is posted to the token server, and goes nowhere else", async (t) => {
  await using lab = await Lab.create();
  await lab.write({ auths: { "docker.io": { identitytoken: "CANARYT-identity" } } });
  const { file } = lab;
  await using canaries = await CanaryLab.start(() => ({
    credentials: [{ kind: "docker-config", file }],
  }));
  await t.test("in a form", async () => {
    canaries.answerTokensWith((token) => ({ access_token: token, refresh_token: "another" }));
    const blob = canaries.guard();

    assert.deepEqual((await canaries.pull(blob)).body, blob.bytes);

    const [asked] = canaries.tokenRequests();
    assert.deepEqual([asked?.method, asked?.target], ["POST", "/token"]);
    assert.equal(asked?.headers["content-type"], "application/x-www-form-urlencoded");
    assert.equal(asked?.headers.authorization, undefined);
    assert.deepEqual(Object.fromEntries(new URLSearchParams(canaries.forms[0])), {
      grant_type: "refresh_token",
      service: "lab, with a comma",
      scope: "repository:team/app:pull",
      client_id: "sluice",
      refresh_token: "CANARYT-identity",
    });
  });
  for (const status of [301, 302, 303, 307, 308]) {
    await t.test(`not after a ${status}`, async () => {
      canaries.revokeTokens();
      canaries.registry.override("/token", (_, response) => {
        response.writeHead(status, { location: `${canaries.elsewhere.url}/token` }).end();
      });

      assertError(await canaries.pull(canaries.guard()), { status: 502, kind: "status" });
      assert.equal(canaries.elsewhere.requests.length, 0);
    });
  }
  await t.test("not as a password", async () => {
    const refuses = canaries.challenging('Basic realm="x"');

    const answer = await canaries.pull(canaries.guard({ accepts: () => false, refuses }));

    assertError(answer, { status: 403, kind: "refused" });
    assert.ok(!authorizations(canaries.contentRequests()).some((one) => one?.startsWith("Basic")));
  });
  await canaries.assertKept();
});
