import type { Command } from "commander";
import type { CommandOptions } from "../command-options.ts";

export function addHealth(program: Command): void {
  program
    .command("health")
    .description("ask the running mirror whether it can serve; exit 0 if so, else 1")
    .addHelpText("after", healthHelp)
    .action(async (_options: object, command: Command) => {
      const { health } = await import("../commands/health.ts");
      await health(command.optsWithGlobals<CommandOptions>());
    });
}

const healthHelp = `
It can serve while upstreams are down: what is stored is served. What is wrong
between this mirror, its upstreams and its clients is for sluice doctor to find.

Examples:
  sluice health && echo "ready"
  HEALTHCHECK CMD ["sluice", "health"]         in a Dockerfile`;
