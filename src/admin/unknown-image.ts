import { HTTPException } from "hono/http-exception";
import type { ImageTarget } from "../upstream/upstreams.ts";
import type { AdminTools } from "./admin-tools.ts";
import { fullName } from "./asked-image.ts";

/** What is answered where nothing is known of an image: a sentence with the names that may have been meant. */
export async function unknownImage(
  { catalog }: AdminTools,
  image: ImageTarget,
): Promise<HTTPException> {
  const { upstream, repository, reference } = image;
  const wanted = { upstream: upstream.name, repository, reference };
  const near = await catalog.ask({ kind: "near", wanted });
  const hint = near.length === 0 ? "; sluice ls lists what is" : `; near: ${near.join(", ")}`;
  return new HTTPException(404, { message: `nothing is stored of ${fullName(image)}${hint}` });
}
