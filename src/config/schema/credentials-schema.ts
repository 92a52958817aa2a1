// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration file.
import { z } from "zod";
import type { CredentialsConfig } from "../config.ts";
import { readDockerConfig } from "../files/docker-config.ts";
import { readPasswordFile } from "../files/password-file.ts";
import { flag, list, patternHint, table, text } from "./keys.ts";
import { pathKey } from "./value-keys.ts";

/**
 * `upstreams.NAME.credentials`: one, or a list of them. Which keys go together is for `credential-ways.ts`; what mixes them
 * is left out here, and never gets further.
 */
export function credentialsKey(directory: string): z.ZodType<readonly CredentialsConfig[]> {
  const one = credentialsTable(directory);
  const several = list(one, severalWording).min(1, {
    error: `names none; write for example ${severalExample}`,
  });
  return z
    .union([one.transform((credentials) => [credentials]), several])
    .transform((written) => written.filter((credentials) => credentials !== null))
    .meta({
      description:
        "Who asks the upstream: one, or a list, of which the first is asked as until it is limited, then the next.",
      examples: [oneExample, severalWording.example],
    });
}

const oneExample = { username: "me", passwordFile: "/run/secrets/hub" };

const severalExample = "[{username: me, passwordFile: /run/secrets/hub}, {anonymous: true}]";

const severalWording = {
  kind: "a list of credentials",
  description: "The first of them is asked as until it is limited, then the next.",
  example: [oneExample, { anonymous: true }],
  secret: true,
};

function credentialsTable(directory: string): z.ZodType<CredentialsConfig | null> {
  return table(
    {
      anonymous: anonymousKey().optional(),
      username: usernameKey().optional(),
      passwordFile: passwordFileKey(directory).optional(),
      password: passwordKey().optional(),
      dockerConfig: dockerConfigKey(directory).optional(),
    },
    {
      description:
        "Who asks the upstream: username with passwordFile or password, or dockerConfig alone; behind others in a list, anonymous: true.",
      example: oneExample,
      hints: {
        anyOf: [
          { required: ["username", "passwordFile"] },
          { required: ["username", "password"] },
          { required: ["dockerConfig"] },
          { required: ["anonymous"] },
        ],
      },
      secret: true,
    },
  )
    .refine((keys) => Object.keys(keys).length > 0, {
      error: "says nothing; write for example {username: me, passwordFile: /run/secrets/hub}",
    })
    .transform(({ anonymous, username, passwordFile, password, dockerConfig }) => {
      if (anonymous) return { kind: "anonymous" };
      if (dockerConfig !== undefined) return { kind: "docker-config", file: dockerConfig };
      if (username === undefined) return null;
      if (passwordFile !== undefined)
        return { kind: "password-file", username, file: passwordFile };
      return password === undefined ? null : { kind: "password", username, password };
    });
}

function anonymousKey(): z.ZodType<boolean> {
  return flag("Nobody, as the last resort: behind others in a list.").refine((said) => said, {
    error: "says nothing; leave it out",
  });
}

function usernameKey(): z.ZodType<string> {
  return text(
    {
      kind: 'a user name, which has no ":"',
      description: "The user's name at the upstream.",
      example: "me",
      hints: { minLength: 1 },
      // Somebody may have written a password behind the ":".
      secret: true,
    },
    (written) => (/^[^:\p{Cc}]+$/u.test(written) ? written : null),
  );
}

function passwordFileKey(directory: string): z.ZodType<string> {
  return pathKey(directory, {
    description:
      "A file that holds the password, read again when it changes. Relative to the directory of the configuration file.",
    example: "/run/secrets/hub",
  }).transform(async (path, context) => {
    const file = await readPasswordFile(path);
    if (file.kind === "password") return path;
    context.addIssue(file.message);
    return z.NEVER;
  });
}

function passwordKey(): z.ZodType<string> {
  return text(
    {
      kind: "a password",
      description: "The password, from the environment: it must not be written here.",
      example: "${HUB_PASSWORD}",
      hints: patternHint(),
      secret: true,
    },
    (written) => written || null,
  );
}

function dockerConfigKey(directory: string): z.ZodType<string> {
  return pathKey(directory, {
    description:
      "A Docker config.json, whose entry or credential helper for the upstream is asked. Read again when it changes. Relative to the directory of the configuration file.",
    example: "/etc/sluice/docker/config.json",
  }).transform(async (path, context) => {
    const file = await readDockerConfig(path);
    if (file.kind === "config") return path;
    context.addIssue(file.message);
    return z.NEVER;
  });
}
