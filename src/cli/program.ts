import { Command } from "commander";
import { addClientConfig } from "./grammar/client-config.ts";
import { addCompletion } from "./grammar/completion.ts";
import { addConfig } from "./grammar/config.ts";
import { addDoctor } from "./grammar/doctor.ts";
import { addEvict } from "./grammar/evict.ts";
import { addHealth } from "./grammar/health.ts";
import { addHelp } from "./grammar/help.ts";
import { addHistory } from "./grammar/history.ts";
import { addInspect } from "./grammar/inspect.ts";
import { addLogLevel } from "./grammar/log-level.ts";
import { addLs } from "./grammar/ls.ts";
import { addPin, addUnpin } from "./grammar/pin.ts";
import { addPrefetch } from "./grammar/prefetch.ts";
import { addPurge } from "./grammar/purge.ts";
import { addSavings } from "./grammar/savings.ts";
import { addServe } from "./grammar/serve.ts";
import { addSimulate } from "./grammar/simulate.ts";
import { addStats } from "./grammar/stats.ts";
import { addSurvive } from "./grammar/survive.ts";
import { addVerify } from "./grammar/verify.ts";
import { addWhy } from "./grammar/why.ts";
import { version } from "./version.ts";

/**
 * The grammar of the command line. Each command's code is loaded when it runs, so that a short one does
 * not wait for the daemon's modules. Rejects with CommanderError for wrong usage, help and version.
 */
export function buildProgram(): Command {
  const program = new Command("sluice")
    .description("A pull-through caching mirror for container registries.")
    .version(version, "-V, --version", "print the version")
    .option("--config <file>", "the configuration file")
    .helpOption("-h, --help", "explain the command")
    .configureHelp({ showGlobalOptions: true, commandDescription: sentenceOf })
    .exitOverride()
    .addHelpText("after", programHelp);
  program.commandsGroup("Run the mirror:");
  addServe(program);
  addHealth(program);
  addLogLevel(program);
  program.commandsGroup("Look at it:");
  addStats(program);
  addSavings(program);
  addLs(program);
  addInspect(program);
  addHistory(program);
  addWhy(program);
  addSurvive(program);
  addSimulate(program);
  program.commandsGroup("Change what is stored:");
  addEvict(program);
  addPrefetch(program);
  addPurge(program);
  addPin(program);
  addUnpin(program);
  program.commandsGroup("Set up and mend:");
  addDoctor(program);
  addVerify(program);
  addConfig(program);
  addClientConfig(program);
  addCompletion(program);
  addHelp(program);
  return program;
}

/** A description as it opens the help of its own command; in lists it stands as it is. */
function sentenceOf(command: Command): string {
  const description = command.description();
  const sentence = `${description.charAt(0).toUpperCase()}${description.slice(1)}`;
  return sentence.endsWith(".") ? sentence : `${sentence}.`;
}

const programHelp = `
The configuration is the file that --config names, else $SLUICE_CONFIG, else
./mirror.config.yaml, else /etc/sluice/mirror.config.yaml. Without any, built-in
defaults mirror Docker Hub, ghcr.io and quay.io. Commands ask the running mirror
through control.sock in its storage directory; where none runs, they look into
that directory themselves.

What --json prints is what the admin API answers: the option of each command
names its schema. Later versions may add to it.

Environment:
  SLUICE_CONFIG             the configuration file
  HTTP_PROXY, HTTPS_PROXY   outbound proxies, where an upstream names none
  NO_PROXY                  hosts that are asked without them
  NO_COLOR                  if set, nothing is coloured

Examples:
  sluice serve                         mirror on port 5000, content in ./data
  docker pull localhost:5000/alpine    pull through it
  sluice stats                         see what that stored

Exit codes: 0 done, 1 failed, 2 wrong usage.`;
