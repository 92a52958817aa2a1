import { Command, InvalidArgumentError } from "commander";
import { parseSize, type Size } from "../config/units.ts";
import { tuneHeap } from "./tune-heap.ts";
import { version } from "./version.ts";

/** What the user said on the command line, whatever the command. */
export interface CommandOptions {
  readonly config?: string;
  readonly json?: boolean;
}

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
  return program;
}

function addServe(program: Command): void {
  program
    .command("serve")
    .description("run the mirror until SIGTERM or SIGINT")
    .addHelpText("after", serveHelp)
    .action(async (_options: object, command: Command) => {
      tuneHeap();
      const { serve } = await import("./serve.ts");
      await serve(command.optsWithGlobals<CommandOptions>());
    });
}

function addStats(program: Command): void {
  program
    .command("stats")
    .description("show what the mirror stores and what it saved")
    .option("--json", "print JSON, for programs")
    .addHelpText("after", statsHelp)
    .action(async (_options: object, command: Command) => {
      const { stats } = await import("./stats.ts");
      await stats(command.optsWithGlobals<CommandOptions>());
    });
}

function addEvict(program: Command): void {
  program
    .command("evict")
    .description("throw away the images that are worth least, until the storage is small enough")
    .option("--dry-run", "show what would go, and why; change nothing")
    .option(
      "--to <size>",
      "what may be used in the end: 20GiB, or a share of storage.maxSize (default: eviction.lowWatermark)",
      sizeArgument,
    )
    .option("--limit <count>", "show so many images (default: a screenful)", countArgument)
    .option("--json", "print JSON, for programs")
    .addHelpText("after", evictHelp)
    .action(async (_options: object, command: Command) => {
      const { evict } = await import("./evict.ts");
      await evict(command.optsWithGlobals());
    });
}

function sizeArgument(written: string): Size {
  const size = parseSize(written);
  if (size) return size;
  throw new InvalidArgumentError("It is not a size; write for example 20GiB or 50%.");
}

function countArgument(written: string): number {
  if (/^[1-9][0-9]{0,8}$/.test(written)) return Number(written);
  throw new InvalidArgumentError("It is not a count; write for example 100.");
}

function addSimulate(program: Command): void {
  program
    .command("simulate")
    .description("say what a larger or smaller disk would have made of the pulls so far")
    .option("--max-size <sizes>", "sizes to try beside the present one, such as 20GiB,50GiB")
    .option("--policy <names>", "how images are evicted: lru, lfu, gdsf, or belady")
    .option("--days <n>", "only the last n days of the log")
    .option("--json", "print JSON, for programs")
    .addHelpText("after", simulateHelp)
    .action(async (_options: object, command: Command) => {
      const { simulate } = await import("./simulate.ts");
      await simulate(command.optsWithGlobals<CommandOptions>(), (problem) =>
        command.error(problem),
      );
    });
}

function addHealth(program: Command): void {
  program
    .command("health")
    .description("ask the running mirror whether it can serve; exit 0 if so, else 1")
    .addHelpText("after", healthHelp)
    .action(async (_options: object, command: Command) => {
      const { health } = await import("./health.ts");
      await health(command.optsWithGlobals<CommandOptions>());
    });
}

function addConfig(program: Command): void {
  const config = program.command("config").description("check or describe the configuration file");
  config
    .command("check")
    .description("say what the configuration means, or everything that is wrong with it")
    .addHelpText("after", checkHelp)
    .action(async (_options: object, command: Command) => {
      const { configCheck } = await import("./config-check.ts");
      await configCheck(command.optsWithGlobals<CommandOptions>());
    });
  config
    .command("schema")
    .description("print the JSON Schema of the configuration file, for editors")
    .addHelpText("after", schemaHelp)
    .action(async () => {
      const { printConfigSchema } = await import("./config-schema.ts");
      printConfigSchema();
    });
}

const programHelp = `
Without --config, the configuration is $SLUICE_CONFIG, else ./mirror.config.yaml, else
/etc/sluice/mirror.config.yaml, else built-in defaults that mirror Docker Hub, ghcr.io and quay.io.

Examples:
  sluice serve                        mirror on port 5000, keep content in ./data
  docker pull localhost:5000/alpine   pull through it
  sluice stats                        see what that stored

Exit codes: 0 done, 1 failed, 2 wrong usage.`;

const serveHelp = `
Examples:
  sluice serve                                 with the configuration that is found
  sluice serve --config /etc/sluice/lab.yaml   with another
  SLUICE_DIRECTORY=/srv/sluice sluice serve    with mirror.config.yaml of the checkout, which reads it`;

const statsHelp = `
Examples:
  sluice stats
  sluice stats --json | jq .`;

const evictHelp = `
Images go whole, with all that no other image needs: first what was not pulled for
eviction.maxIdle, then what is worth least for the room it takes, until eviction.lowWatermark
or --to is reached. What eviction.pins names stays. A running mirror does the same by itself
above eviction.highWatermark.

Examples:
  sluice evict --dry-run               what would go next
  sluice evict --dry-run --to 20GiB    what would go, so that 20 GiB are used
  sluice evict --to 50%                make half of storage.maxSize free now
  sluice evict --dry-run --to 50% --json | jq -r '.victims[].names[0]'`;
const simulateHelp = `
The mirror logs which image was pulled when, for 30 days and a million pulls. This replays the log
against an empty disk of each size, with the watermarks of the configuration, and counts what would
have been there: whole images and bytes. UPSTREAM is what had to be downloaded, EVICTED counts images.

What a client held already is not in the log, so each pull counts as a pull of all that the image
names: the true bytes are fewer, and sizes compare all the same. belady knows the future, as no
mirror can: about the most that any policy could reach.

Examples:
  sluice simulate
  sluice simulate --max-size 20GiB,50GiB,100GiB
  sluice simulate --max-size 50GiB --policy lru,gdsf,belady --days 14
  sluice simulate --json | jq '.caches[] | [.maxSizeBytes, .byteHitRate]'`;

const healthHelp = `
Examples:
  sluice health && echo "ready"
  HEALTHCHECK CMD ["sluice", "health"]         in a Dockerfile`;

const checkHelp = `
Examples:
  sluice config check
  sluice config check --config /etc/sluice/mirror.config.yaml && systemctl reload sluice`;

const schemaHelp = `
Example:
  sluice config schema > sluice.schema.json
  Then let the configuration file begin with:
  # yaml-language-server: $schema=./sluice.schema.json`;
