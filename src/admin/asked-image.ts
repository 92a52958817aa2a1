import { z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { DistributionError } from "../oci/distribution-error.ts";
import { imageName } from "../oci/image-name.ts";
import type { ImageTarget } from "../upstream/upstreams.ts";
import type { AdminTools } from "./admin-tools.ts";

/** The query parameter `image` of routes that are about one. */
export const askedImage: z.ZodString = z.string().openapi({
  param: { name: "image", in: "query" },
  description:
    "As clients name it to the mirror: alpine, ghcr.io/owner/image:tag, alpine@sha256:….",
});

/** The image that is meant. Throws HTTPException 400, whose message says what is wrong. */
export function readImage({ configured }: AdminTools, written: string): ImageTarget {
  try {
    return configured.present.image(written);
  } catch (error) {
    if (!(error instanceof DistributionError)) throw error;
    throw new HTTPException(400, { message: `${shown(written)}: ${error.message}`, cause: error });
  }
}

/** Its one full name. */
export function fullName({ upstream, repository, reference }: ImageTarget): string {
  return imageName({ upstream: upstream.name, repository }, reference);
}

/** What somebody has written, in a message for a terminal: at a length that fits there. */
export function shown(written: string): string {
  return JSON.stringify(written.slice(0, 100));
}
