import assert from "node:assert/strict";
import { test } from "node:test";
import { AccessRules, type AccessRuling } from "../../src/auth/access-rules.ts";
import type { AccessRule } from "../../src/config/config.ts";
import { parseNetwork } from "../../src/config/network.ts";
import type { Repository } from "../../src/oci/repository.ts";

const files = { htpasswdFile: "/etc/htpasswd", tokensFile: null };

test("without rules everyone may pull everything where nobody can log in, and every user where they can", () => {
  const open = new AccessRules({ auth: null, access: null });
  const closed = new AccessRules({ auth: files, access: null });

  assert.equal(said(open, null, "docker.io/library/alpine"), "allowed");
  assert.equal(said(closed, null, "docker.io/library/alpine"), "log in");
  assert.equal(said(closed, "alice", "docker.io/library/alpine"), "allowed");
});

test("the first rule of which match, users and networks fit decides", () => {
  const rules = rulesOf([
    { match: "docker.io/private/*", users: ["alice"], networks: ["10.0.0.0/8", "fd00::/8"] },
    { match: "docker.io/private/*", users: ["logged-in"], deny: "alice's, from within" },
    { match: "docker.io/library/*" },
    { match: "ghcr.io/*", users: ["anonymous"], deny: "not for nobody" },
    { match: "ghcr.io/*" },
  ]);

  const table: readonly (readonly [string | null, string, string, string])[] = [
    ["alice", "10.1.2.3", "docker.io/private/app", "allowed"],
    ["alice", "::ffff:10.1.2.3", "docker.io/private/app", "allowed"],
    ["alice", "fd12::1", "docker.io/private/app", "allowed"],
    ["alice", "192.0.2.1", "docker.io/private/app", "server.access[1]: alice's, from within"],
    ["bob", "10.1.2.3", "docker.io/private/app", "server.access[1]: alice's, from within"],
    [null, "10.1.2.3", "docker.io/private/app", "log in"],
    // No user may from there, so a login helps nobody.
    [null, "192.0.2.1", "docker.io/private/app", "no rule"],
    [null, "192.0.2.1", "docker.io/library/alpine", "allowed"],
    ["bob", "192.0.2.1", "docker.io/library/alpine", "allowed"],
    [null, "192.0.2.1", "ghcr.io/owner/image", "log in"],
    ["bob", "192.0.2.1", "ghcr.io/owner/image", "allowed"],
    ["alice", "10.1.2.3", "quay.io/owner/image", "no rule"],
    [null, "10.1.2.3", "quay.io/owner/image", "no rule"],
  ];
  for (const [user, address, name, expected] of table)
    assert.equal(said(rules, user, name, address), expected, `${user} ${address} ${name}`);
});

test("a user may be called as an object's own properties are", () => {
  const rules = rulesOf([{ match: "*", users: ["constructor", "__proto__"] }]);

  assert.equal(said(rules, "constructor", "a/b"), "allowed");
  assert.equal(said(rules, "toString", "a/b"), "no rule");
});

test("a rule with networks fits nobody whose address is not known", () => {
  const rules = rulesOf([{ match: "*", networks: ["0.0.0.0/0", "::/0"] }]);

  assert.equal(said(rules, null, "a/b", "192.0.2.1"), "allowed");
  assert.equal(said(rules, null, "a/b", "2001:db8::1"), "allowed");
  assert.equal(said(rules, null, "a/b", null), "no rule");
});

test("whether a caller may pull anything at all is told without a name", () => {
  const rules = rulesOf([
    { match: "ghcr.io/*", users: ["anonymous"], deny: "no" },
    { match: "ghcr.io/owner/*" },
    { match: "docker.io/*", users: ["alice"], networks: ["10.0.0.0/8"] },
  ]);
  const may = (user: string | null, address: string): boolean =>
    rules.mayPullSomething({ user, address });

  assert.equal(may(null, "10.1.2.3"), false);
  assert.equal(may("bob", "192.0.2.1"), true);
  assert.equal(rules.someUserMayPullSomething({ user: null, address: "192.0.2.1" }), true);
  const within = rulesOf([{ match: "*", users: ["alice"], networks: ["10.0.0.0/8"] }]);
  assert.equal(within.mayPullSomething({ user: "alice", address: "10.1.2.3" }), true);
  assert.equal(within.mayPullSomething({ user: "alice", address: "192.0.2.1" }), false);
  assert.equal(within.mayPullSomething({ user: "bob", address: "10.1.2.3" }), false);
  assert.equal(within.someUserMayPullSomething({ user: null, address: "10.1.2.3" }), true);
  assert.equal(within.someUserMayPullSomething({ user: null, address: "192.0.2.1" }), false);
});

test("a login helps nobody where a rule refuses every user first", () => {
  const forAll = [
    { match: "*", deny: "closed" },
    { match: "*", users: ["alice"] },
  ];
  const forUsers = [
    { match: "*", users: ["logged-in"], deny: "closed" },
    { match: "*", users: ["alice"] },
  ];
  const forOne = [
    { match: "*", users: ["anonymous", "bob"], deny: "closed" },
    { match: "*", users: ["alice"] },
  ];

  assert.equal(said(rulesOf(forAll), null, "a/b"), "server.access[0]: closed");
  assert.equal(said(rulesOf(forUsers), null, "a/b"), "no rule");
  assert.equal(said(rulesOf(forOne), null, "a/b"), "log in");
});

interface Written {
  readonly match: string;
  readonly users?: readonly string[];
  readonly networks?: readonly string[];
  readonly deny?: string;
}

function rulesOf(written: readonly Written[]): AccessRules {
  const access = written.map(({ match, users = null, networks, deny = null }): AccessRule => {
    const parsed = networks?.flatMap((network) => parseNetwork(network) ?? []) ?? null;
    return { match, users, networks: parsed, denial: deny };
  });
  return new AccessRules({ auth: files, access });
}

function said(
  rules: AccessRules,
  user: string | null,
  name: string,
  address: string | null = "192.0.2.1",
): string {
  const [upstream = "", ...rest] = name.split("/");
  const repository = rest.join("/") as Repository;
  const caller = { user, address: address ?? undefined };
  return wordsOf(rules.ruling(caller, { upstream, repository }));
}

function wordsOf(ruling: AccessRuling): string {
  if (ruling.kind === "allowed") return "allowed";
  if (ruling.takesLogin) return "log in";
  return ruling.place === null ? "no rule" : `${ruling.place}: ${ruling.denial}`;
}
