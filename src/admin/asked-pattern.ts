import { z } from "@hono/zod-openapi";
import { HTTPException } from "hono/http-exception";
import { ImageGlob } from "../oci/image-glob.ts";
import { imageName } from "../oci/image-name.ts";
import type { AdminTools } from "./admin-tools.ts";
import { readImage, shown } from "./asked-image.ts";

// A command line of thousands is made by a program, which can ask twice.
const patternsLimit = 1_000;

/** Patterns in the order for a change. */
export const askedPatterns: z.ZodReadonly<z.ZodArray<z.ZodString>> = z
  .array(z.string())
  .min(1)
  .max(patternsLimit)
  .readonly()
  .openapi({
    description:
      "Images as clients name them, or patterns of full names: alpine, ghcr.io/owner/image:tag, docker.io/nightly/*. Without tag and digest: whatever it is.",
  });

/**
 * The pattern of full names that is meant: what holds no `*`, `?` or `[` is a name, and may be as short as for clients.
 * Throws HTTPException 400, whose message says what is wrong.
 */
export function readPattern(tools: AdminTools, written: string): string {
  const glob = ImageGlob.parse(written);
  if (!glob) {
    const message = `${shown(written)} is no pattern of images; write for example docker.io/library/*`;
    throw new HTTPException(400, { message });
  }
  if (!isName(written)) return written;
  const { upstream, repository, reference } = readImage(tools, written);
  return imageName({ upstream: upstream.name, repository }, glob.hasReference ? reference : null);
}

/** Whether it is no pattern but a name. */
export function isName(written: string): boolean {
  return !/[*?[]/.test(written);
}
