import assert from "node:assert/strict";
import { readdir, readFile } from "node:fs/promises";
import { test } from "node:test";
import { type DescribedCommand, described } from "../../src/cli/described.ts";
import { buildProgram } from "../../src/cli/program.ts";
import { strictApiSchemas } from "../support/api-schema.ts";

const golden = new URL("golden/", import.meta.url);

const schemas = await strictApiSchemas();

for (const { name, schema } of commandsWithSchema()) {
  test(`each golden file of ${name} is what ${schema} in docs/openapi.json says, and no more`, async () => {
    const files = await goldenFilesOf(name);

    assert.ok(files.length > 0, `test/cli/golden has nothing of ${name}`);
    for (const file of files) {
      for (const value of await valuesIn(file)) {
        const { error } = schemas.get(schema)?.safeParse(value) ?? assert.fail(`no ${schema}`);
        assert.equal(error, undefined, `${file}: ${error?.message}`);
      }
    }
  });
}

test("every --json says what it prints, and only client-config prints what is no answer of the API", () => {
  const silent = commandsWithJson()
    .filter(({ description }) => schemaIn(description) === null)
    .map(({ path }) => path[0]);
  assert.deepEqual([...new Set(silent)], ["client-config"]);
});

test("a schema that is taken strictly refuses what it does not name", () => {
  const answer = { findings: [], more: 1 };
  assert.equal(schemas.get("DoctorAnswer")?.safeParse(answer).success, false);
});

interface JsonCommand {
  readonly path: readonly string[];
  /** Of --json. */
  readonly description: string;
}

function commandsWithSchema(): readonly { readonly name: string; readonly schema: string }[] {
  return commandsWithJson().flatMap(({ path, description }) => {
    const schema = schemaIn(description);
    return schema === null ? [] : [{ name: path.join(" "), schema }];
  });
}

function commandsWithJson(command: DescribedCommand = described(buildProgram())): JsonCommand[] {
  const json = command.options.find(({ flags }) => flags.includes("--json"));
  const own = json ? [{ path: command.path, description: json.description }] : [];
  return [...own, ...command.commands.flatMap((one) => commandsWithJson(one))];
}

function schemaIn(description: string): string | null {
  return /: (\w+) in docs\/openapi\.json$/.exec(description)?.[1] ?? null;
}

/** Such as `stats.json`, `stats-without-daemon.json`. */
async function goldenFilesOf(name: string): Promise<readonly string[]> {
  return (await readdir(golden)).filter(
    (file) => /^[-.]/.test(file.slice(name.length)) && file.startsWith(name),
  );
}

async function valuesIn(file: string): Promise<readonly unknown[]> {
  const text = await readFile(new URL(file, golden), "utf8");
  const texts = file.endsWith(".jsonl") ? text.trimEnd().split("\n") : [text];
  return texts.map((one) => JSON.parse(one));
}
