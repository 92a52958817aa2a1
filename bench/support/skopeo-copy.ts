import { createHash } from "node:crypto";
import { readdir, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { copyAll } from "../../test/support/skopeo.ts";
import type { Reached } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import type { PlacedImage } from "./origin.ts";

/** Has skopeo copy an image to a new directory: in how many seconds. Rejects unless all of it is there and right. */
export async function skopeoCopy(
  lab: Lab,
  { url }: Reached,
  { reference, digest }: PlacedImage,
): Promise<number> {
  const directory = await lab.makeDirectory("copy");
  const startMs = performance.now();
  await copyAll(`${new URL(url).host}/${reference}`, `dir:${directory}`);
  const seconds = (performance.now() - startMs) / 1_000;
  await verify(directory, digest);
  await rm(directory, { recursive: true });
  return seconds;
}

/** The manifest that was asked for, and each blob, which skopeo names by its digest. */
async function verify(directory: string, digest: string): Promise<void> {
  const manifest = await readFile(join(directory, "manifest.json"));
  if (`sha256:${hexOf(manifest)}` !== digest) throw new Error("another manifest was copied");
  const { config, layers }: CopiedManifest = JSON.parse(manifest.toString());
  const copied = new Set(await readdir(directory));
  for (const name of [config, ...layers].map((blob) => blob.digest.slice("sha256:".length))) {
    if (!copied.has(name)) throw new Error(`${name} was not copied`);
    if (hexOf(await readFile(join(directory, name))) !== name) throw new Error(`${name} is wrong`);
  }
}

interface CopiedManifest {
  readonly config: { readonly digest: string };
  readonly layers: readonly { readonly digest: string }[];
}

function hexOf(bytes: Buffer): string {
  return createHash("sha256").update(bytes).digest("hex");
}
