import { Command } from "commander";
import { addClientConfig } from "./grammar/client-config.ts";
import { addConfig } from "./grammar/config.ts";
import { addEvict } from "./grammar/evict.ts";
import { addHealth } from "./grammar/health.ts";
import { addServe } from "./grammar/serve.ts";
import { addSimulate } from "./grammar/simulate.ts";
import { addStats } from "./grammar/stats.ts";
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
    .configureHelp({ showGlobalOptions: true })
    .showHelpAfterError("(sluice --help explains)")
    .exitOverride()
    .addHelpText("after", programHelp);
  addServe(program);
  addStats(program);
  addEvict(program);
  addSimulate(program);
  addHealth(program);
  addConfig(program);
  addClientConfig(program);
  return program;
}

const programHelp = `
Without --config, the configuration is $SLUICE_CONFIG, else ./mirror.config.yaml, else
/etc/sluice/mirror.config.yaml, else built-in defaults that mirror Docker Hub, ghcr.io and quay.io.

Examples:
  sluice serve                        mirror on port 5000, keep content in ./data
  docker pull localhost:5000/alpine   pull through it
  sluice stats                        see what that stored

Exit codes: 0 done, 1 failed, 2 wrong usage.`;
