import assert from "node:assert/strict";
import { mkdtempDisposable, rename, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import {
  assertError,
  authorizations,
  basic,
  basicOf,
  CanaryLab,
  password,
  username,
} from "./canary-lab.ts";

test("a token server is asked with the credentials, and the registry with its token", async () => {
  await using lab = await CanaryLab.start();
  const blob = lab.guard();

  const { status, body } = await lab.pull(blob);

  assert.equal(status, 200);
  assert.deepEqual(body, blob.bytes);
  const [asked, ...others] = lab.tokenRequests();
  assert.deepEqual(others, []);
  assert.equal(asked?.method, "GET");
  assert.equal(asked?.headers.authorization, basic);
  const { searchParams } = new URL(asked?.target ?? "", lab.registry.url);
  assert.deepEqual(Object.fromEntries(searchParams), {
    service: "lab, with a comma",
    scope: "repository:team/app:pull",
    account: username,
  });
  assert.deepEqual(authorizations(lab.contentRequests()), [undefined, "Bearer CANARYT0"]);
  await lab.assertKept();
});

test("a registry that takes passwords only is told the password, the second time at once", async () => {
  await using lab = await CanaryLab.start();
  const refuses = lab.challenging('Basic realm="registry"');
  const blobs = [1, 2].map(() => lab.guard({ accepts: (one) => one === basic, refuses }));

  for (const blob of blobs) assert.deepEqual((await lab.pull(blob)).body, blob.bytes);

  assert.deepEqual(authorizations(lab.contentRequests()), [undefined, basic, basic]);
  assert.equal(lab.tokenRequests().length, 0);
  await lab.assertKept();
});

const challenges: readonly (readonly [what: string, headers: readonly string[]])[] = [
  ["Basic before it", ['Basic realm="a, b", Bearer realm="REALM",service="s"']],
  ["Basic behind it", ['Bearer realm="REALM",service="s", Basic realm="a, b"']],
  ["a header each", ['Basic realm="a, b"', 'Bearer realm="REALM"']],
  ["upper case", ['BASIC REALM="x", BEARER REALM="REALM"']],
];

test("a token is preferred to a password", async (t) => {
  await using lab = await CanaryLab.start();
  for (const [what, headers] of challenges) {
    await t.test(what, async () => {
      lab.revokeTokens();
      const challenge = headers.map((header) => header.replace('"REALM"', `"${lab.realm}"`));
      const blob = lab.guard({
        refuses: (_, response) => {
          response.writeHead(401, { "www-authenticate": challenge }).end();
        },
      });

      assert.equal((await lab.pull(blob)).status, 200);
      assert.ok(!authorizations(lab.contentRequests()).includes(basic));
    });
  }
});

test("a token that is refused amid pulls is renewed, and no client notices", async () => {
  await using lab = await CanaryLab.start();
  const blobs = Array.from({ length: 10 }, () => lab.guard());
  for (const [at, blob] of blobs.entries()) {
    if (at === 5) lab.revokeTokens();

    assert.deepEqual((await lab.pull(blob)).body, blob.bytes);
  }
  assert.equal(lab.tokenRequests().length, 2);
  await lab.assertKept();
});

test("a registry that does not repeat its challenge gets a new token all the same", async () => {
  await using lab = await CanaryLab.start();
  assert.equal((await lab.pull(lab.guard())).status, 200);
  lab.revokeTokens();
  const blob = lab.guard({ refuses: (_, response) => void response.writeHead(401).end() });

  assert.deepEqual((await lab.pull(blob)).body, blob.bytes);
});

test("a refusal that lasts is a refusal, after one renewal", async (t) => {
  await using lab = await CanaryLab.start();
  await t.test("of tokens", async () => {
    assertError(await lab.pull(lab.guard({ accepts: () => false })), {
      status: 403,
      kind: "refused",
    });
    assert.equal(lab.tokenRequests().length, 1);
  });
  await t.test("of tokens for less than was asked for", async () => {
    const accepts = (one: string): boolean => one === "Bearer of-another-scope";
    lab.answerTokensWith(() => ({ token: "of-less" }));

    assertError(await lab.pull(lab.guard({ accepts })), { status: 403, kind: "refused" });
  });
  await t.test("of the password by the registry", async () => {
    const before = lab.contentRequests().length;
    const refuses = lab.challenging('Basic realm="registry"');

    assertError(await lab.pull(lab.guard({ accepts: () => false, refuses })), {
      status: 403,
      kind: "refused",
    });
    // The token that worked last, and the password once.
    assert.equal(lab.contentRequests().length, before + 2);
  });
  await lab.assertKept();
});

test("a token server that refuses the credentials is asked once", async () => {
  await using lab = await CanaryLab.start();
  lab.accepted = basicOf("another");

  assertError(await lab.pull(lab.guard()), {
    status: 403,
    kind: "refused",
    message: /refused with status 401$/,
  });
  assert.equal(lab.tokenRequests().length, 1);
  await lab.assertKept();
});

test("two hundred repositories at once are a token each", async () => {
  await using lab = await CanaryLab.start();
  const names = Array.from({ length: 200 }, (_, at) => `team/r${at}`);
  for (const name of names) {
    const path = `/v2/${name}/tags/list`;
    lab.registry.override(path, (request, response) => {
      if (request.headers.authorization === undefined) {
        return lab.challenging()(request, response);
      }
      response.end(JSON.stringify({ name, tags: [] }));
    });
  }

  const pulls = names.flatMap((name) => [name, name]).map((name) => `/v2/${name}/tags/list`);
  const answers = await Promise.all(pulls.map((path) => lab.get(path)));

  assert.deepEqual(new Set(answers.map(({ status }) => status)), new Set([200]));
  const scopes = lab.tokenRequests().map(({ target }) => target);
  assert.equal(scopes.length, 200);
  assert.equal(new Set(scopes).size, 200);
});

test("a token server that is down does not matter while the token lasts", async () => {
  await using lab = await CanaryLab.start();
  assert.equal((await lab.pull(lab.guard())).status, 200);
  lab.registry.override("/token", (_, response) => void response.socket?.destroy());

  const blob = lab.guard();
  assert.deepEqual((await lab.pull(blob)).body, blob.bytes);

  lab.revokeTokens();
  assertError(await lab.pull(lab.guard()), { status: 502, kind: "unreachable" });
  await lab.assertKept();
});

test("a token that ages is renewed behind the pull that finds it so", async () => {
  await using lab = await CanaryLab.start();
  lab.answerTokensWith((token) => ({ token, expires_in: 300 }));
  lab.registry.override("/token", (request, response) => lab.giveToken(request, response));
  assert.equal((await lab.pull(lab.guard())).status, 200);
  // Three quarters of its life are over when the next pull comes.
  lab.mirror.advance(226_000);

  assert.equal((await lab.pull(lab.guard())).status, 200);
  await eventually("another token", () => lab.tokenRequests().length === 2);
  assert.equal((await lab.pull(lab.guard())).status, 200);
  assert.equal(lab.tokenRequests().length, 2);
});

/** A lab whose password is in a file. */
async function withFile(): Promise<{ lab: CanaryLab; file: string } & AsyncDisposable> {
  const directory = await mkdtempDisposable(join(tmpdir(), "sluice-password-"));
  const file = join(directory.path, "password");
  await writeFile(file, `${password}\n`);
  const lab = await CanaryLab.start(() => ({
    credentials: [{ kind: "password-file", username, file }],
  }));
  return {
    lab,
    file,
    [Symbol.asyncDispose]: async () => {
      await lab[Symbol.asyncDispose]();
      await directory.remove();
    },
  };
}

test("a password that is changed in its file is the new one from then on", async () => {
  await using scene = await withFile();
  const { lab, file } = scene;
  const refuses = lab.challenging('Basic realm="registry"');
  const guard = (secret: string): Parameters<CanaryLab["pull"]>[0] =>
    lab.guard({ accepts: (one) => one === basicOf(secret), refuses });
  assert.equal((await lab.pull(guard(password))).status, 200);

  await writeFile(`${file}.new`, "CANARYP2\n");
  await rename(`${file}.new`, file);

  assert.equal((await lab.pull(guard("CANARYP2"))).status, 200);
  assert.deepEqual(authorizations(lab.contentRequests()), [undefined, basic, basicOf("CANARYP2")]);
  await lab.assertKept();
});

test("a password file that is gone is told by name, and its return needs no restart", async () => {
  await using scene = await withFile();
  const { lab, file } = scene;
  await rm(file);

  const answer = await lab.pull(lab.guard());

  assertError(answer, { status: 502, kind: "credentials" });
  assert.ok(answer.body.toString().includes(`the password file ${file} does not exist`));
  assert.equal(lab.tokenRequests().length, 0);
  await writeFile(file, password);
  assert.equal((await lab.pull(lab.guard())).status, 200);
  await writeFile(file, "\n");
  assertError(await lab.pull(lab.guard()), {
    status: 502,
    kind: "credentials",
    message: /is empty/,
  });
  await lab.assertKept();
});
