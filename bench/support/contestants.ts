import type { Certificate } from "../../test/support/certificate.ts";
import type { Contestant } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import { nginxPeer } from "./nginx-peer.ts";
import { registryPeer } from "./registry-peer.ts";
import { sluice } from "./sluice.ts";

/** Those that every question is put to, installed or not; sluice first. With a certificate they speak TLS, HTTP/2 too. */
export function contestantsOf(lab: Lab, tls?: Certificate): readonly Contestant[] {
  return [sluice(lab, tls), registryPeer(lab, tls), nginxPeer(lab, tls)];
}
