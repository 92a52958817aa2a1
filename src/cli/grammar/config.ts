import type { Command } from "commander";
import type { CommandOptions } from "../command-options.ts";

export function addConfig(program: Command): void {
  const config = program.command("config").description("check or describe the configuration file");
  config
    .command("check")
    .description("say what the configuration means, or everything that is wrong with it")
    .addHelpText("after", checkHelp)
    .action(async (_options: object, command: Command) => {
      const { configCheck } = await import("../commands/config-check.ts");
      await configCheck(command.optsWithGlobals<CommandOptions>());
    });
  config
    .command("explain")
    .description("say what the keys of the configuration file mean, with default and example")
    .argument("[key]", "one key, or a table of keys; nothing for all of them")
    .addHelpText("after", explainHelp)
    .action(async (key: string | undefined) => {
      const { explainConfig } = await import("../commands/config-explain.ts");
      explainConfig(key);
    });
  config
    .command("schema")
    .description("print the JSON Schema of the configuration file, for editors")
    .addHelpText("after", schemaHelp)
    .action(async () => {
      const { printConfigSchema } = await import("../commands/config-schema.ts");
      printConfigSchema();
    });
}

const checkHelp = `
Examples:
  sluice config check
  sluice config check --config /etc/sluice/mirror.config.yaml
  sluice config check && systemctl reload sluice`;

const explainHelp = `
Examples:
  sluice config explain
  sluice config explain freshness
  sluice config explain upstreams.HOST.credentials`;

const schemaHelp = `
Example:
  sluice config schema > sluice.schema.json

Then let the configuration file begin with:
  # yaml-language-server: $schema=./sluice.schema.json`;
