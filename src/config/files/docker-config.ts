import { z } from "zod";
import { readBoundedFile } from "./bounded-file.ts";

/** What a Docker `config.json` says about credentials; "" and empty tables for what it does not say. */
export interface DockerConfig {
  /** By server, as `docker login` was told it: a host, or a URL. */
  readonly auths: Readonly<Record<string, DockerAuth>>;
  /** The name of a helper program by server. */
  readonly credHelpers: Readonly<Record<string, string>>;
  /** The name of the helper program for all other servers. */
  readonly credsStore: string;
}

export interface DockerAuth {
  /** `user:password` in base64. */
  readonly auth: string;
  readonly username: string;
  readonly password: string;
  readonly identitytoken: string;
}

export type DockerConfigFile =
  | { readonly kind: "config"; readonly config: DockerConfig }
  | { readonly kind: "problem"; readonly message: string };

// An entry is a few hundred bytes, with an identity token a few KiB.
const limitBytes = 1024 * 1024;

/** Reads a Docker `config.json`. No problem shows anything of its content. */
export async function readDockerConfig(path: string): Promise<DockerConfigFile> {
  const file = await readBoundedFile(path, limitBytes);
  if (file.kind !== "text") return problem(`${path} ${file.problem}`);
  const json = parseJson(file.text);
  if (json === undefined) return problem(`${path} is not JSON`);
  const { data } = dockerConfigSchema.safeParse(json);
  if (data) return { kind: "config", config: data };
  return problem(`${path} is not a Docker config.json; "docker login" writes one`);
}

// Docker is written in Go, where null is as good as nothing.
const word = z
  .string()
  .nullish()
  .transform((text) => text ?? "");

const dockerConfigSchema: z.ZodType<DockerConfig> = z.object({
  auths: namedRows(z.object({ auth: word, username: word, password: word, identitytoken: word })),
  credHelpers: namedRows(z.string()),
  credsStore: word,
});

function namedRows<Row extends z.ZodType>(
  row: Row,
): z.ZodType<Readonly<Record<string, z.output<Row>>>> {
  return z
    .record(z.string(), row)
    .nullish()
    .transform((rows) => rows ?? {});
}

function parseJson(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    // What V8 says of broken JSON quotes it.
    return undefined;
  }
}

function problem(message: string): DockerConfigFile {
  return { kind: "problem", message };
}
