import type { ClientConfigAnswer } from "../../admin/routes/client-config.ts";
import { type Asked, useAsked } from "../ask.ts";

export const clients = ["docker", "containerd", "podman", "buildkit", "k3s"] as const;

export type ClientName = (typeof clients)[number];

/** What a client needs; where no address is given, as the mirror knows of itself. */
export function useClientConfig(
  client: ClientName,
  address: string | null,
): Asked<ClientConfigAnswer> {
  const query = new URLSearchParams({ client, ...(address === null ? {} : { address }) });
  return useAsked<ClientConfigAnswer>(`client-config?${query}`);
}

/** How this machine, where the page is looked at, names images of the mirror. */
export function hostFromHere({ host, address }: ClientConfigAnswer): string {
  const isHere = /^(?:localhost|127\..*|\[::1\])$/.test(location.hostname);
  const { port } = new URL(address);
  return isHere && port !== "" ? `localhost:${port}` : host;
}
