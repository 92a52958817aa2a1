import type { z } from "zod";
import { ImageGlob } from "../../oci/image-glob.ts";
import type { AccessRule } from "../config.ts";
import { isName } from "../files/login-lines.ts";
import { denyKey } from "./deny-key.ts";
import { list, table, text } from "./keys.ts";
import { networksKey } from "./value-keys.ts";

// As of freshness.rules: each pull is compared with them in turn.
const rulesLimit = 500;

/** `server.access`. What is wrong beside `auth` is in `access-ways.ts`. */
export function accessRulesKey(): z.ZodType<readonly AccessRule[]> {
  return list(ruleTable(), {
    kind: "a list of rules",
    description:
      "Who may pull what. The first rule of which match, users and networks fit decides; where none fits, the pull is refused. Without the list everyone who is let in may pull everything.",
    example: [{ match: "docker.io/private/*", users: ["alice"] }],
  })
    .min(1, { error: "has no rule, so nobody could pull; write one, or remove the key" })
    .max(rulesLimit, { error: `has more than ${rulesLimit} rules` });
}

function ruleTable(): z.ZodType<AccessRule> {
  return table(
    {
      match: matchKey(),
      users: usersKey().optional(),
      networks: networksKey(
        "From where: addresses of clients. Without it: from anywhere.",
      ).optional(),
      deny: denyKey(
        "Refuses what fits, and tells the client this; without it what fits may be pulled.",
      ).optional(),
    },
    {
      description: "Who may pull what a pattern matches.",
      example: { match: "docker.io/private/*", users: ["alice"], networks: ["10.0.0.0/8"] },
    },
  ).transform(({ match, users = null, networks = null, deny = null }) => ({
    match,
    users,
    networks,
    denial: deny,
  }));
}

function matchKey(): z.ZodType<string> {
  const example = "docker.io/private/*";
  return text(
    {
      kind: "a pattern of repositories",
      description: "UPSTREAM/REPOSITORY; * stands for anything, [0-9] for one of a set.",
      example,
    },
    (written) => (ImageGlob.parse(written) ? written : null),
  ).refine((written) => ImageGlob.parse(written)?.hasReference !== true, {
    // Whoever may not pull a tag could pull what it means by its digest.
    error: `is about tags or digests, and access is to repositories; write for example ${example}`,
  });
}

function usersKey(): z.ZodType<readonly string[]> {
  const item = text(
    {
      kind: "the name of a user",
      description: "A user, logged-in for every user, or anonymous for who has not logged in.",
      example: "alice",
    },
    (written) => (isName(written) ? written : null),
  );
  return list(item, {
    kind: "a list of users",
    description:
      "Whom it is about: users, logged-in for every user, anonymous for who has not logged in. Without it: everyone.",
    example: ["alice", "bob"],
  }).min(1, { error: "names nobody; write for example [alice], or remove the key" });
}
