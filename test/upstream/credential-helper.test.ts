import assert from "node:assert/strict";
import { readFile, writeFile } from "node:fs/promises";
import { test } from "node:test";
import { askHelper } from "../../src/upstream/credentials/credential-helper.ts";
import { type Credentials, NoCredentials } from "../../src/upstream/credentials/credentials.ts";
import { eventually } from "../support/eventually.ts";
import { HelperScripts } from "./helper-scripts.ts";

const secret = "CANARYP";

interface Asked {
  readonly signal?: AbortSignal;
  readonly limitMs?: number;
  readonly helper?: string;
}

/** What a helper that is this script answers for registry.example. */
async function ask(
  scripts: HelperScripts,
  script: string,
  { signal = new AbortController().signal, limitMs = 30_000, helper = "lab" }: Asked = {},
): Promise<Credentials | null> {
  await scripts.add("lab", script);
  const env = { PATH: scripts.path };
  return await askHelper({ helper, server: "registry.example", env, signal, limitMs });
}

test("a helper is asked by Docker's protocol", async (t) => {
  await using scripts = await HelperScripts.create();
  const record = `{ echo "$# $1"; cat; } > ${scripts.file("asked")}`;
  const answers: readonly (readonly [json: string, expected: Credentials | null])[] = [
    [
      `{"ServerURL":"x","Username":"me","Secret":"${secret}"}`,
      { kind: "password", username: "me", password: secret },
    ],
    [`{"Username":"<token>","Secret":"${secret}"}`, { kind: "identity-token", token: secret }],
    [`{"Username":"","Secret":""}`, null],
  ];
  for (const [json, expected] of answers) {
    await t.test(json, async () => {
      assert.deepEqual(await ask(scripts, `${record}\necho '${json}'`), expected);
      assert.equal(await readFile(scripts.file("asked"), "utf8"), "1 get\nregistry.example");
    });
  }
  await t.test("one that does not read its input", async () => {
    const script = `echo '{"Username":"me","Secret":"x"}'`;
    assert.equal((await ask(scripts, script))?.kind, "password");
  });
  await t.test("one that knows no such server", async () => {
    const script = "echo credentials not found in native keychain; exit 1";
    assert.equal(await ask(scripts, script), null);
  });
});

const failures: readonly (readonly [what: string, script: string, reason: RegExp])[] = [
  [
    "fails",
    `echo ${secret}; echo ${secret} >&2; exit 3`,
    /^docker-credential-lab ended with 3; to see why, run: printf 'registry\.example' \| docker-credential-lab get$/,
  ],
  ["is killed", "kill -9 $$", /ended with SIGKILL/],
  ["answers nothing", "exit 0", /did not answer with a Username and a Secret/],
  ["answers no JSON", `echo '{"Secret":"${secret}'`, /did not answer with a Username/],
  ["answers without a user", `echo '{"Secret":"${secret}"}'`, /did not answer with a Username/],
  ["answers a list", `echo '["${secret}"]'`, /did not answer with a Username/],
  ["writes for ever", "yes CANARYP", /wrote over 64 KiB/],
];

test("a helper that fails is named, and nothing that it wrote is", async (t) => {
  await using scripts = await HelperScripts.create();
  for (const [what, script, reason] of failures) {
    await t.test(what, async () => {
      const error = await ask(scripts, script).then(
        () => null,
        (cause: unknown) => cause,
      );

      assert.ok(error instanceof NoCredentials);
      assert.match(error.message, reason);
      assert.doesNotMatch(JSON.stringify([error.message, error.stack, error.cause]), /CANARY/);
    });
  }
  await t.test("is not there", async () => {
    await assert.rejects(ask(scripts, "", { helper: "none" }), {
      name: "NoCredentials",
      message: "docker-credential-none cannot be run: there is no such program on PATH",
    });
  });
});

test("only a program on PATH is a helper", async () => {
  await using scripts = await HelperScripts.create();
  await writeFile(scripts.file("evil"), `#!/bin/sh\ntouch ${scripts.file("ran")}\n`, {
    mode: 0o755,
  });
  const names = [
    "",
    "../evil",
    `x/../../${scripts.directory}/evil`,
    "lab; touch ran",
    "$(touch ran)",
    "-lab",
    ".",
    "la b",
    "lab\nevil",
    "lab\0",
  ];
  for (const helper of names) {
    await assert.rejects(ask(scripts, "exit 1", { helper }), /is no name of a credential helper/);
  }
  await assert.rejects(readFile(scripts.file("ran")), { code: "ENOENT" });
});

/** A helper that hangs, and so does what it has started; both leave their process ids. */
function hanging(scripts: HelperScripts): string {
  return `sleep 600 & echo "$! $$" > ${scripts.file("pids.new")}
mv ${scripts.file("pids.new")} ${scripts.file("pids")}
wait`;
}

async function pidsOf(scripts: HelperScripts): Promise<number[]> {
  const text = await eventually("the helper to run", () =>
    readFile(scripts.file("pids"), "utf8").catch(() => null),
  );
  return text.trim().split(" ").map(Number);
}

function isRunning(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch {
    return false;
  }
}

test("a helper that hangs is killed with all that it has started", async (t) => {
  await t.test("when its time is over", async () => {
    await using scripts = await HelperScripts.create();
    const asked = ask(scripts, hanging(scripts), { limitMs: 500 });

    await assert.rejects(asked, /docker-credential-lab gave no answer in 0\.5 s/);
    for (const pid of await pidsOf(scripts)) {
      await eventually("its end", () => !isRunning(pid));
    }
  });
  await t.test("when nobody wants its answer any more", async () => {
    await using scripts = await HelperScripts.create();
    const end = new AbortController();
    const asked = ask(scripts, hanging(scripts), { signal: end.signal });
    asked.catch(() => {});
    const pids = await pidsOf(scripts);

    end.abort();

    await assert.rejects(asked, NoCredentials);
    for (const pid of pids) await eventually("its end", () => !isRunning(pid));
  });
  await t.test("also if what it has started holds its output from another group", async () => {
    await using scripts = await HelperScripts.create();
    const end = new AbortController();
    const script = `setsid sleep 600 & echo "$! $$" > ${scripts.file("pids")}; wait`;
    const asked = ask(scripts, script, { signal: end.signal });
    asked.catch(() => {});
    const [escaped = 0] = await pidsOf(scripts);

    end.abort();

    await assert.rejects(asked, NoCredentials);
    process.kill(escaped, "SIGKILL");
  });
});
