import assert from "node:assert/strict";
import { tmpdir } from "node:os";
import { test } from "node:test";
import { type DescribedCommand, described } from "../../src/cli/described.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { runSluice } from "./run-sluice.ts";

const cwd = tmpdir();

const program = described(buildProgram());

function all(command: DescribedCommand): readonly DescribedCommand[] {
  return [command, ...command.commands.flatMap(all)];
}

function helpOf(path: readonly string[]): string {
  const written: string[] = [];
  const command = path.reduce(
    (at, name) => at.commands.find((one) => one.name() === name) ?? at,
    buildProgram(),
  );
  // As where no terminal says how wide it is.
  command.configureOutput({
    writeOut: (text) => void written.push(text),
    getOutHelpWidth: () => 80,
  });
  command.outputHelp();
  return written.join("");
}

test("no line of any help is longer than 80 columns", () => {
  const long = all(program)
    .flatMap(({ path }) => helpOf(path).split("\n"))
    .filter((line) => line.length > 80);

  assert.deepEqual(long, []);
});

test("every command that does something has a description, an example, and explains its terms", () => {
  for (const command of all(program).filter(({ commands }) => commands.length === 0)) {
    const name = command.path.join(" ");
    assert.match(command.description, /^[A-Z].+\.$/, name);
    assert.match(
      command.text,
      new RegExp(`^Examples?:\n  .*sluice.* ${command.path[0]}|^Examples?:\n  sluice ${name}`, "m"),
      name,
    );
    for (const { term, description } of [...command.arguments, ...command.options]) {
      assert.notEqual(description, "", `${name} ${term}`);
    }
  }
});

test("the list of commands puts each into a group", () => {
  for (const { path, group } of program.commands) {
    assert.match(group, /^[A-Z][a-z ]+:$/, path.join(" "));
    assert.notEqual(group, "Commands:", path.join(" "));
  }
});

test("sluice help COMMAND prints what sluice COMMAND --help prints", async () => {
  for (const path of [[], ["evict"], ["config"], ["config", "check"]]) {
    const [asked, named] = await Promise.all([
      runSluice(["help", ...path], { cwd }),
      runSluice([...path, "--help"], { cwd }),
    ]);
    assert.equal(asked.code, 0);
    assert.equal(asked.stdout, named.stdout);
  }
});

test("help of a command that there is not names the near one, and is wrong usage", async () => {
  const table: [string[], RegExp][] = [
    [["evct"], /^error: unknown command 'evct'\n\(Did you mean evict\?\)/],
    [["config", "chek"], /^error: unknown command 'chek'\n\(Did you mean check\?\)/],
    [["stats", "now"], /^error: stats has no command 'now'\n/],
  ];
  for (const [path, message] of table) {
    const { code, stdout, stderr } = await runSluice(["help", ...path], { cwd });
    assert.deepEqual([code, stdout], [2, ""]);
    assert.match(stderr, message);
  }
});
