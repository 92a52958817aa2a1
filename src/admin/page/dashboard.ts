import type { Context } from "hono";
import type { AdminApi } from "../admin-tools.ts";
import { type Asset, type DashboardFiles, readDashboard } from "./dashboard-files.ts";

/** The dashboard at `/`, and what it is made of at `/assets/`. */
export function addDashboard(api: AdminApi): void {
  let read: Promise<DashboardFiles> | null = null;
  // With the first who asks: a mirror whose page nobody opens need not hold it.
  const files = async (): Promise<DashboardFiles> => {
    read ??= readDashboard();
    try {
      return await read;
    } catch (error) {
      read = null;
      throw error;
    }
  };
  api.get("/", async (context) => {
    // Who asks by hand, as curl does, is better told by a few lines.
    if (!context.req.header("accept")?.includes("text/html")) return context.text(welcome);
    return answer(context, (await files()).page, "no-cache");
  });
  api.get("/assets/:version/:path{.+}", async (context) => {
    const { version, assets } = await files();
    const asset = assets.get(context.req.param("path"));
    if (!asset) return context.notFound();
    // A page of an older version may still be open: it gets what there is, and may not keep it.
    const isPresent = context.req.param("version") === version;
    return answer(context, asset, isPresent ? "max-age=31536000, immutable" : "no-store");
  });
}

function answer(context: Context, asset: Asset, caching: string): Response {
  const isGzipped = /\bgzip\b/.test(context.req.header("accept-encoding") ?? "");
  const body = isGzipped ? asset.gzipped : asset.bytes;
  return context.body(new Uint8Array(body), 200, {
    ...(isGzipped ? { "content-encoding": "gzip" } : {}),
    "content-type": asset.type,
    "content-length": String(body.length),
    "cache-control": caching,
    vary: "accept, accept-encoding",
  });
}

const welcome = `sluice

/                     in a browser: the dashboard
/metrics              for Prometheus
/healthz, /readyz     for probes
/api/v1/stats         what the mirror did since it started
/api/v1/now           the same, and what happens at this moment
/api/v1/simulate      what a larger or smaller disk would have made of it
/api/v1/images        the images that are stored
/api/v1/pins          what is never evicted
/api/v1/openapi.json  the API
`;
