import type { Command } from "commander";
import type { CommandOptions } from "../command-options.ts";
import { jsonOption } from "./json-option.ts";

export function addDoctor(program: Command): void {
  program
    .command("doctor")
    .description("examine everything a pull needs, and say what to mend; exit 1 if something fails")
    .addOption(jsonOption("DoctorAnswer"))
    .addHelpText("after", doctorHelp)
    .action(async (_options: object, command: Command) => {
      const { doctor } = await import("../commands/doctor.ts");
      await doctor(command.optsWithGlobals<CommandOptions>());
    });
}

const doctorHelp = `
It looks at the configuration, the process (Node, open files), the clock, the
storage directory and its disk, each endpoint of each upstream (its name,
connection, certificate, token server, credentials; of Docker Hub an image too,
which counts as no pull), and every way in which clients ask. The running mirror
examines itself, with its own network, environment and credentials; where none
runs, the command does what it can. It takes 20 seconds at most, and changes
nothing.

Examples:
  sluice doctor
  sluice doctor --config /etc/sluice/mirror.config.yaml
  sluice doctor --json | jq -r '.findings[] | select(.verdict != "ok") | .found'`;
