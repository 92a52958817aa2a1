import { isIP } from "node:net";
import { connect, type PeerCertificate } from "node:tls";
import type { UpstreamConfig } from "../config/config.ts";
import { endingSoonMs } from "../config/files/certificate-pair.ts";
import { formatDuration } from "../config/units.ts";
import { literalAddress } from "../upstream/exchange/reach.ts";
import type { ExaminationTools, ExaminedEndpoint } from "./endpoint-check.ts";
import { type Finding, ok, warn } from "./finding.ts";

/** How long the certificate of an endpoint is still good, and who signed it. It has been believed already. */
export async function* checkCertificate(
  { upstream: { name, caPem, client }, endpoint: { url } }: ExaminedEndpoint,
  { now, stepLimitMs }: ExaminationTools,
): AsyncGenerator<Finding> {
  const certificate = await certificateOf(url, { caPem, client }, stepLimitMs).catch(() => null);
  const untilMs = Date.parse(certificate?.valid_to ?? "");
  if (!certificate || !Number.isFinite(untilMs)) return;
  const leftMs = untilMs - now();
  const until = new Date(untilMs).toISOString().slice(0, 10);
  const issuer = certificate.issuer.O ?? certificate.issuer.CN ?? "an authority without a name";
  const found = `its certificate, by ${issuer}, is good until ${until}`;
  yield leftMs > endingSoonMs
    ? ok(name, found)
    : warn(
        name,
        `${found}: for ${formatDuration(Math.max(0, leftMs))}`,
        "let it be renewed by whoever runs the registry",
      );
}

async function certificateOf(
  url: URL,
  { caPem, client }: Pick<UpstreamConfig, "caPem" | "client">,
  limitMs: number,
): Promise<PeerCertificate> {
  const host = literalAddress(url) ?? url.hostname;
  const { promise, resolve, reject } = Promise.withResolvers<PeerCertificate>();
  const socket = connect({
    host,
    port: Number(url.port || 443),
    timeout: limitMs,
    ...(isIP(host) === 0 ? { servername: host } : {}),
    ...(caPem === null ? {} : { ca: caPem }),
    ...(client === null ? {} : { cert: client.certificatePem, key: client.keyPem }),
  });
  socket.once("secureConnect", () => resolve(socket.getPeerCertificate()));
  socket.once("timeout", () => reject(new Error("no certificate in time")));
  socket.once("error", reject);
  try {
    return await promise;
  } finally {
    socket.destroy();
  }
}
