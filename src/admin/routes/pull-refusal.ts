import { DistributionError } from "../../oci/distribution-error.ts";
import type { AdminApi } from "../admin-tools.ts";

/** Tells clients that were led to the wrong port so, in the words of registries: of others they show none. */
export function addPullRefusal(api: AdminApi): void {
  const refusal = new DistributionError(
    "UNSUPPORTED",
    "this is the admin API of a mirror: pull from its other port, that of server.listen",
    { status: 404 },
  );
  api.all("/v2/*", ({ body }) =>
    body(refusal.toBody(), 404, { "content-type": "application/json" }),
  );
}
