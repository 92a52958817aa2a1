import { hostname } from "node:os";
import { createRoute, z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { assumedAddress } from "../../client-config/address.ts";
import { buildkit } from "../../client-config/buildkit.ts";
import { type Client, type ClientFile, configOf } from "../../client-config/client.ts";
import { ClientConfigError } from "../../client-config/client-config-error.ts";
import { containerd } from "../../client-config/containerd.ts";
import { docker } from "../../client-config/docker.ts";
import { k3s } from "../../client-config/k3s.ts";
import { mirrorForClients } from "../../client-config/mirror-for-clients.ts";
import { podman } from "../../client-config/podman.ts";
import type { Config } from "../../config/config.ts";
import { isLoopbackName } from "../../config/loopback.ts";
import type { AdminApi, AdminTools } from "../admin-tools.ts";
import { errorSchema, jsonOf } from "../answers.ts";
import { nameIn } from "../guards/own-names.ts";

/** What a client needs to pull through the mirror. */
export interface ClientConfigAnswer {
  /** How it is taken that clients reach the mirror. */
  readonly address: string;
  /** The same as it stands before the name of an image. */
  readonly host: string;
  readonly files: readonly ClientFile[];
  /** What has to be known beside the files. */
  readonly notes: readonly string[];
}

const clients: Readonly<Record<string, Client>> = { docker, containerd, podman, buildkit, k3s };

/** `GET /api/v1/client-config`. */
export function addClientConfig(api: AdminApi, { doctor }: AdminTools): void {
  api.openapi(clientConfigRoute, (context) => {
    const { client, address } = context.req.valid("query");
    const { config, listening } = doctor;
    const present = listening
      ? { ...config, server: { ...config.server, listen: listening } }
      : config;
    return context.json(
      answerFor({ config: present, client, address, machine: seenAs(context.req.header("host")) }),
      200,
    );
  });
}

interface Asked {
  readonly config: Config;
  readonly client: string;
  readonly address?: string | undefined;
  /** The name of this machine to whoever asks. */
  readonly machine: string;
}

/** Throws HTTPException 400 with the reason where the client cannot use this mirror, or not there. */
function answerFor({ config, client: name, address: written, machine }: Asked): ClientConfigAnswer {
  const client = clients[name] ?? docker;
  try {
    const { address, note } =
      written === undefined
        ? assumedAddress(config, machine, client.means)
        : { address: readAddress(written), note: null };
    const mirror = mirrorForClients(config, { address, skipVerify: false, only: [] });
    const { files, notes } = configOf(client, mirror);
    return {
      address: mirror.url,
      host: mirror.host,
      files,
      notes: [...(note === null ? [] : [note]), ...notes],
    };
  } catch (error) {
    if (!(error instanceof ClientConfigError)) throw error;
    throw new HTTPException(400, { message: error.message, cause: error });
  }
}

/** Throws HTTPException 400 for what is none. */
function readAddress(written: string): URL {
  const url = URL.parse(written);
  if (url && /^https?:$/.test(url.protocol) && url.pathname === "/" && url.host !== "") return url;
  throw new HTTPException(400, {
    message: "address: it is none; write for example http://mirror.example.com:5000",
  });
}

/** The name by which the asker reaches this machine, if others may reach it by that too. */
function seenAs(host: string | undefined): string {
  const name = nameIn(host);
  return name === "" || isLoopbackName(name) ? hostname() : name;
}

const clientConfigSchema: z.ZodType<ClientConfigAnswer> = z
  .object({
    address: z.string(),
    host: z.string().openapi({ description: "As it stands before the name of an image." }),
    files: z.array(z.object({ path: z.string(), text: z.string() })).readonly(),
    notes: z.array(z.string()).readonly(),
  })
  .openapi("ClientConfig");

const clientConfigRoute = createRoute({
  method: "get",
  path: "/api/v1/client-config",
  summary: "What a client needs to pull through this mirror.",
  request: {
    query: z.object({
      client: z.enum(["docker", "containerd", "podman", "buildkit", "k3s"]),
      address: z.string().max(300).optional().openapi({
        description:
          "How clients reach the mirror. Without it: what the configuration tells, at the name by which this is asked.",
      }),
    }),
  },
  responses: {
    200: jsonOf("Files and what has to be known beside them.", clientConfigSchema),
    400: jsonOf("The client cannot use this mirror, or not there.", errorSchema),
  },
});
