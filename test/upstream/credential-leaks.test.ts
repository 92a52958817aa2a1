import assert from "node:assert/strict";
import { test } from "node:test";
import type { Answer } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import {
  assertError,
  authorizations,
  basic,
  CanaryLab,
  password,
  redirecting,
  sending,
  username,
} from "./canary-lab.ts";

const redirects = [301, 302, 303, 307, 308];

/** The server elsewhere, by names that are other origins than the registry's `http://127.0.0.1:PORT`. */
function otherOrigins(lab: CanaryLab): readonly (readonly [what: string, url: string])[] {
  const there = new URL(lab.elsewhere.url);
  return [
    ["another port", there.origin],
    ["another host", `http://localhost:${there.port}`],
    ["a URL without scheme", `//${there.host}`],
  ];
}

test("what a registry redirects to never sees a token or a password", async (t) => {
  const kinds: readonly (readonly [what: string, basicOnly: boolean])[] = [
    ["a token", false],
    ["a password", true],
  ];
  for (const [what, basicOnly] of kinds) {
    await using lab = await CanaryLab.start();
    const guarded = basicOnly
      ? {
          accepts: (one: string): boolean => one === basic,
          refuses: lab.challenging('Basic realm="x"'),
        }
      : {};
    for (const [where, url] of otherOrigins(lab)) {
      for (const status of redirects) {
        await t.test(`${what}, by ${status} to ${where}`, async () => {
          const before = lab.elsewhere.requests.length;
          const blob = lab.guard({
            ...guarded,
            sends: ({ digest }) => redirecting(status, `${url}/stored/${digest}`),
          });
          lab.elsewhere.override(`/stored/${blob.digest}`, sending(blob));

          assert.deepEqual((await lab.pull(blob)).body, blob.bytes);
          const seen = lab.elsewhere.requests.slice(before);
          assert.deepEqual(authorizations(seen), [undefined]);
          assert.equal(seen[0]?.headers.cookie, undefined);
        });
      }
    }
    await t.test(`${what}, to the same host by another name`, async () => {
      const { port } = new URL(lab.registry.url);
      const before = lab.registry.requests.length;
      const blob = lab.guard({
        ...guarded,
        sends: () => redirecting(307, `http://localhost:${port}/stored`),
      });
      lab.registry.override("/stored", sending(blob));

      assert.deepEqual((await lab.pull(blob)).body, blob.bytes);
      const atStored = lab.registry.requests
        .slice(before)
        .filter(({ target }) => target === "/stored");
      assert.deepEqual(authorizations(atStored), [undefined]);
    });
    await t.test(`${what}, nor what asks for one there`, async () => {
      const blob = lab.guard({
        ...guarded,
        sends: () => redirecting(307, `${lab.elsewhere.url}/asks`),
      });
      for (const challenge of ['Basic realm="x"', lab.challenge(`${lab.elsewhere.url}/token`)]) {
        lab.elsewhere.override("/asks", lab.challenging(challenge));

        assertError(await lab.pull(blob), { status: 502, kind: "status" });
      }
    });
    await lab.assertKept();
  }
});

test("a URL with a user name is not followed, and none of ours is put into it", async () => {
  await using lab = await CanaryLab.start();
  const { host } = new URL(lab.elsewhere.url);
  const blob = lab.guard({ sends: () => redirecting(307, `http://user:pass@${host}/stored`) });

  assertError(await lab.pull(blob), { status: 502, kind: "forbidden-hop", message: /user name/ });
  assert.equal(lab.elsewhere.requests.length, 0);
  await lab.assertKept();
});

test("a token server that is not named for it is never asked with credentials", async (t) => {
  await using lab = await CanaryLab.start();
  const { port, host } = new URL(lab.elsewhere.url);
  const own = new URL(lab.registry.url);
  const evil = `http://${host}/token`;
  const realms: readonly (readonly [what: string, header: string, named: string])[] = [
    ["another port", `Bearer realm="${evil}"`, host],
    ["another host", `Bearer realm="http://localhost:${port}/token"`, `localhost:${port}`],
    [
      "the same by name",
      `Bearer realm="http://localhost:${own.port}/token"`,
      `localhost:${own.port}`,
    ],
    ["another address", `Bearer realm="http://127.0.0.2:${own.port}/t"`, `127.0.0.2:${own.port}`],
    ["a decimal address", `Bearer realm="http://2130706434:${port}/t"`, `127.0.0.2:${port}`],
    ["another scheme", `Bearer realm="https://${own.host}/token"`, own.host],
    ["the first of two", `Bearer realm="${evil}", Bearer realm="${lab.realm}"`, host],
    ["upper case", `BEARER REALM="${evil.toUpperCase()}"`, host],
    ["quoted commas before it", `Bearer scope="a,b",service="c, d",realm="${evil}"`, host],
    ["unquoted", `Bearer realm=${evil},service=s`, host],
    ["our own in its query", `Bearer realm="${evil}?x=${lab.realm}"`, host],
    ["our own in front of it", `Bearer realm="http://${own.hostname}.localhost:${port}/"`, port],
  ];
  for (const [what, header, named] of realms) {
    await t.test(what, async () => {
      const blob = lab.guard({ refuses: lab.challenging(header) });

      const answer = await lab.pull(blob);

      assertError(answer, { status: 502, kind: "forbidden-hop", message: /may not see the cred/ });
      const { message } = JSON.parse(answer.body.toString()).errors[0];
      assert.ok(message.includes(named), message);
      assert.ok(message.includes('upstreams."docker.io".realms'), message);
    });
  }
  const others: readonly (readonly [what: string, realm: string, kind: string])[] = [
    ["no scheme", `//${host}/token`, "nonsense"],
    ["a path", "/token", "nonsense"],
    ["a user name", `http://user:pass@${own.host}/token`, "forbidden-hop"],
    ["a file", "file:///token", "forbidden-hop"],
  ];
  for (const [what, realm, kind] of others) {
    await t.test(what, async () => {
      const blob = lab.guard({ refuses: lab.challenging(lab.challenge(realm)) });

      assertError(await lab.pull(blob), { status: 502, kind });
    });
  }
  assert.equal(lab.elsewhere.requests.length, 0);
  assert.equal(lab.tokenRequests().length, 0);
  await lab.assertKept();
});

test("nobody's question does not go to another token server either", async () => {
  await using lab = await CanaryLab.start(() => ({ access: "public" }));
  lab.elsewhere.override("/token", (_, response) => void response.end('{"token":"anonymous"}'));
  const blob = lab.guard({
    refuses: lab.challenging(lab.challenge(`${lab.elsewhere.url}/token`)),
  });

  assertError(await lab.pull(blob), { status: 502, kind: "forbidden-hop" });

  assert.equal(lab.elsewhere.requests.length, 0);
  await lab.assertKept();
});

test("a token server that is named under realms gets the credentials", async () => {
  await using lab = await CanaryLab.start(({ port }) => ({ realms: [`localhost:${port}`] }));
  const { port } = new URL(lab.elsewhere.url);
  lab.elsewhere.override("/token", lab.giveToken);
  const challenge = lab.challenge(`http://localhost:${port}/token`);
  const blob = lab.guard({ refuses: lab.challenging(challenge) });

  assert.deepEqual((await lab.pull(blob)).body, blob.bytes);

  assert.deepEqual(authorizations(lab.elsewhere.requests), [basic]);
  // The same server by a name that is not there.
  const unnamed = lab.challenge(`http://127.0.0.1:${port}/token`);
  lab.revokeTokens();
  const other = lab.guard({ refuses: lab.challenging(unnamed) });
  assertError(await lab.pull(other), { status: 502, kind: "forbidden-hop" });
  assert.equal(lab.elsewhere.requests.length, 1);
});

test("without credentials any token server is asked that the hop guard allows", async () => {
  await using lab = await CanaryLab.start(() => ({ credentials: [] }));
  lab.elsewhere.override("/token", (_, response) => void response.end('{"token":"anonymous"}'));
  const blob = lab.guard({
    accepts: (one) => one === "Bearer anonymous",
    refuses: lab.challenging(lab.challenge(`${lab.elsewhere.url}/token`)),
  });

  assert.equal((await lab.pull(blob)).status, 200);
  assert.deepEqual(authorizations(lab.elsewhere.requests), [undefined]);
});

test("a token server that redirects to another origin is not followed there", async (t) => {
  for (const status of redirects) {
    await t.test(`${status}`, async () => {
      await using lab = await CanaryLab.start();
      for (const [, url] of otherOrigins(lab)) {
        lab.registry.override("/token", redirecting(status, `${url}/token`));

        assertError(await lab.pull(lab.guard()), {
          status: 502,
          kind: "forbidden-hop",
          message: /what carries credentials is not redirected to/,
        });
      }
      assert.equal(lab.elsewhere.requests.length, 0);
      await lab.assertKept();
    });
  }
});

test("a token server that redirects within its origin is followed with the credentials", async () => {
  await using lab = await CanaryLab.start();
  lab.registry.override("/token", redirecting(307, "/moved"));
  lab.registry.override("/moved", lab.giveToken);
  const blob = lab.guard();

  assert.deepEqual((await lab.pull(blob)).body, blob.bytes);
  const moved = lab.registry.requests.filter(({ target }) => target === "/moved");
  assert.deepEqual(authorizations(moved), [basic]);
});

test("nothing that an answer or a manifest points to is asked", async () => {
  await using lab = await CanaryLab.start();
  const url = `${lab.elsewhere.url}/pointed`;
  lab.registry.override("/v2/team/app/tags/list", (_, response) => {
    response.setHeader("link", `<${url}?n=1&last=a>; rel="next"`);
    response.end('{"name":"team/app","tags":["a"]}');
  });
  const { manifest } = imageOfSize("foreign", 10);
  const foreign = JSON.parse(manifest.bytes.toString());
  for (const layer of foreign.layers) layer.urls = [url];
  lab.registry.override("/v2/team/app/manifests/1", (_, response) => {
    response.setHeader("content-type", manifest.mediaType);
    response.end(JSON.stringify(foreign));
  });

  assert.equal((await lab.get("/v2/team/app/tags/list")).status, 200);
  assert.equal((await lab.get("/v2/team/app/manifests/1")).status, 200);
  await lab.mirror.idle();

  assert.equal(lab.elsewhere.requests.length, 0);
});

const echoes: readonly (readonly [what: string, words: (authorization: string) => string])[] = [
  ["the header", (authorization) => `you sent ${authorization}`],
  ["it escaped", (authorization) => encodeURIComponent(authorization)],
  ["the password", () => `wrong password ${password}!`],
  ["the user", () => `no such user: ${username}`],
  ["all of it behind much else", (one) => `${"x".repeat(290)}${one}`],
];

for (const [what, words] of echoes) {
  test(`words of a registry that repeat ${what} are not passed on`, async () => {
    for (const status of [401, 403, 429, 500]) {
      await using lab = await CanaryLab.start();
      const echo: Answer = (request, response) => {
        const message = words(request.headers.authorization ?? "");
        const body = { errors: [{ code: "DENIED", message }] };
        response.writeHead(status).end(what === "the user" ? message : JSON.stringify(body));
      };
      const refuses = lab.challenging('Basic realm="x"');
      const blob = lab.guard({ accepts: (one) => one === basic, refuses, sends: () => echo });

      const answer = await lab.pull(blob);

      assert.ok(answer.status >= 400);
      // A refusal is told without any words.
      const told = status === 429 || status === 500 ? /its words are not shown/ : /"words":""/;
      assert.match(answer.body.toString(), told);
      await lab.assertKept();
    }
  });
}

test("words of a registry that repeat a token are not passed on", async () => {
  await using lab = await CanaryLab.start();
  const echo: Answer = (request, response) => {
    response.writeHead(500).end(`bad token ${request.headers.authorization?.slice(7)}`);
  };

  const answer = await lab.pull(lab.guard({ sends: () => echo }));

  assert.match(answer.body.toString(), /its words are not shown/);
  await lab.assertKept();
});
