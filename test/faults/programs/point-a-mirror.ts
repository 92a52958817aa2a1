import { once } from "node:events";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { digestOf } from "../../../src/oci/digest.ts";
import { FaultProcessScene } from "../../support/fault-process-scene.ts";
import type { PathAnswer } from "../../support/fault-upstream.ts";
import { NameServer, type Zone } from "../../support/name-server.ts";
import { rawRequest } from "../../support/raw-client.ts";
import { TracedCalls } from "../../support/traced-calls.ts";

/** What to do; `PORT` in a location is a port at which something listens on every address. */
export interface Pointing {
  readonly registryAddress: string;
  readonly zone: Zone;
  readonly locations: readonly string[];
  /** Targets, and the Host they are asked with; null for the usual one. */
  readonly asked: readonly (readonly [target: string, host: string | null])[];
}

export interface Pointed {
  readonly by: string;
  readonly location: string;
  readonly status: number;
  /** The kind of the failure, or the code of the error; null for none. */
  readonly kind: string | null;
}

export interface Findings {
  readonly pointed: readonly Pointed[];
  readonly asked: readonly (readonly [target: string, status: number])[];
  /** Addresses and ports that the mirror opened TCP connections to, each once. */
  readonly connected: readonly string[];
  readonly registry: string;
  readonly port: number;
  readonly lookedUp: readonly string[];
}

const found = Buffer.from("found");

/** How an upstream can point somewhere. */
const ways: Readonly<Record<string, (location: string) => PathAnswer>> = {
  redirect: (location) => (wire) => wire.whole("307 Temporary Redirect", { location }),
  realm: (location) => (wire) => {
    return wire.whole("401 Unauthorized", { "www-authenticate": `Bearer realm="${location}"` });
  },
  link: (location) => (wire) => {
    return wire.whole("200 OK", { link: `<${location}?last=a>; rel="next"` }, '{"tags":[]}');
  },
};

const pointing = JSON.parse(process.argv[2] ?? "") as Pointing;
process.stdout.write(JSON.stringify(await point(pointing)));

async function point({ registryAddress, zone, locations, asked }: Pointing): Promise<Findings> {
  await using names = await NameServer.start(zone);
  await using scene = await FaultProcessScene.start({ address: registryAddress });
  await using everywhere = createServer((_, response) => void response.end(found));
  everywhere.listen(0, "::");
  await once(everywhere, "listening");
  const { port } = everywhere.address() as AddressInfo;
  await using calls = await TracedCalls.attach(scene.sluice.pid, "connect", null);
  const pointed: Pointed[] = [];
  for (const [at, location] of locations.entries()) {
    for (const by of Object.keys(ways)) {
      const path = `/v2/good/${by}${at}/${by === "redirect" ? `blobs/${digestOf(found)}` : "tags/list"}`;
      const place = location.replace("PORT", String(port));
      scene.upstream.answer(path, ways[by]?.(place) ?? (async () => {}));
      pointed.push({ by, location, ...(await outcomeOf(scene.sluice.url, path)) });
    }
  }
  const answers: [string, number][] = [];
  for (const [target, host] of asked) {
    const headers = host === null ? {} : { host };
    answers.push([target, (await rawRequest(scene.sluice.url, "GET", target, headers)).status]);
  }
  const connected = [...new Set((await calls.detach()).flatMap(placeOf))];
  await scene.assertSound();
  const registry = new URL(scene.upstream.url).host;
  return { pointed, asked: answers, connected, registry, port, lookedUp: names.asked };
}

async function outcomeOf(url: string, path: string): Promise<Omit<Pointed, "by" | "location">> {
  const { status, body, headers } = await rawRequest(url, "GET", path);
  // The next page, as the mirror links to it.
  const next = /<([^>]*)>/.exec(headers["link"] ?? "")?.[1];
  if (next) return { status: (await rawRequest(url, "GET", next)).status, kind: null };
  if (status === 200) return { status, kind: null };
  const [error] = JSON.parse(body.toString()).errors;
  return { status, kind: error.detail?.kind ?? error.code };
}

/** The address and port of a TCP connection, out of strace's words; a UDP socket that is connected sends nothing. */
function placeOf(line: string): string[] {
  if (!line.includes("<TCP")) return [];
  const port = /sin6?_port=htons\((\d+)\)/.exec(line)?.[1];
  const address = /inet_addr\("([^"]+)"\)|inet_pton\(AF_INET6, "([^"]+)"/.exec(line);
  return [`${address?.[1] ?? `[${address?.[2]}]`}:${port}`];
}
