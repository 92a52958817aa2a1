import type { Command } from "commander";
import type { PrefetchOptions } from "../commands/prefetch.ts";
import { jsonLinesOption } from "./json-option.ts";

export function addPrefetch(program: Command): void {
  program
    .command("prefetch")
    .description("pull images now, so that they are here when clients ask; exit 1 if one fails")
    .argument("[image...]", "as clients name them: alpine:3.20, ghcr.io/owner/image:tag")
    .option(
      "--platform <list>",
      "of an index: linux/amd64,linux/arm64, or all (default: the mirror's own)",
    )
    .option("--dry-run", "show what would be fetched, as far as that is known here")
    .option("--file <list>", "more images, one a line; - for stdin")
    .addOption(jsonLinesOption("PrefetchLine"))
    .addHelpText("after", prefetchHelp)
    .action(async (images: string[], { file }: PrefetchOptions, command: Command) => {
      if (images.length === 0 && file === undefined) {
        command.error("error: name an image, or a --file of them");
      }
      const { prefetch } = await import("../commands/prefetch.ts");
      await prefetch(images, command.optsWithGlobals<PrefetchOptions>());
    });
}

const prefetchHelp = `
The mirror pulls them as a client would, so all that counts for clients counts:
access, rules, room on the disk. Bytes come once, also for clients that pull the
same image meanwhile, and what is here already is not fetched again. Of an index
the platforms are taken that --platform names; without it, Linux on the
architecture of the mirror's machine. A prefetch counts as one pull of the
image, so that eviction does not take it before what nobody asked for lately.

On a terminal there is a bar for each blob that comes; elsewhere a line for each
image. In a file, what follows a # is a remark. Ctrl-C ends it; what is on its
way then goes on as for any client that leaves. With --json each line is an
object: of the kind "image" for each image, and "done" with the counts. With
--dry-run registries are not asked, so that it goes by what tags meant when they
were; of the kind "plan" are its lines.

Examples:
  sluice prefetch alpine:3.20 ghcr.io/owner/image:tag
  sluice prefetch --platform linux/amd64,linux/arm64 postgres:17
  sluice prefetch --platform all --file images.txt
  kubectl get pods -A -o jsonpath='{..image}' | tr ' ' '\\n' | sort -u |
    sluice prefetch --file -`;
