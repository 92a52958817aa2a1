import { type ImageParts, ociIndex, type TestImage } from "../test/support/images.ts";
import { noise } from "../test/support/noise.ts";
import { printingProgram } from "../test/support/printing-program.ts";

export const repository = "library/hello";

export const tag = "latest";

// Enough that a megabyte matters, little enough that the demo takes a second.
const ballastBytes = 16 * 1024 * 1024;

/** An image that says hello on any Linux of two architectures, with a layer that has some weight. */
export function demoImage(): TestImage {
  const ballast = { path: "ballast", bytes: noise("sluice demo", ballastBytes) };
  const parts = (["amd64", "arm64"] as const).map((architecture): ImageParts => {
    const program = printingProgram(architecture, "hello through sluice\n");
    const layers = [[{ path: "say", mode: 0o755, bytes: program }], [ballast]];
    return { architecture, command: ["/say"], layers };
  });
  return ociIndex(parts);
}
