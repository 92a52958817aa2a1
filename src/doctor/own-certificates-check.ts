import type { CertificateFiles, Config } from "../config/config.ts";
import { endingSoonMs, readCertificatePair } from "../config/files/certificate-pair.ts";
import { formatDuration } from "../config/units.ts";
import { type Finding, fail, ok, warn } from "./finding.ts";

/** Whether the certificates that the mirror shows can be used, and for how long they are good yet. */
export async function* checkOwnCertificates(
  { server, admin, upstreams }: Config,
  now: () => number,
): AsyncGenerator<Finding> {
  for (const files of server.tls) yield await judged("server.tls", files, now());
  for (const files of admin.tls) yield await judged("admin.tls", files, now());
  for (const { name, client } of upstreams)
    if (client) yield await judged(`upstreams."${name}".client`, client, now());
}

async function judged(key: string, files: CertificateFiles, nowMs: number): Promise<Finding> {
  const read = await readCertificatePair(files);
  if (read.kind === "problem") {
    return fail(
      key,
      `${read.message}; until then a mirror that runs goes on with the last good one`,
      "sluice reads the files again by itself",
    );
  }
  const leftMs = read.untilMs - nowMs;
  const until = new Date(read.untilMs).toISOString().slice(0, 10);
  const found = `the certificate for ${read.title} is good until ${until}`;
  if (leftMs > endingSoonMs) return ok(key, found);
  return warn(
    key,
    `${found}: for ${formatDuration(Math.max(0, leftMs))}`,
    `renew ${files.certificateFile}; sluice reads it again by itself`,
  );
}
