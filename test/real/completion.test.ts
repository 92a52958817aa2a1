// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of shells.
import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { haveAll, programPath } from "../support/real-program.ts";
import { mustRun } from "../support/run-program.ts";
import { sluiceProgram } from "../support/sluice-process.ts";

/** What is typed, and the word that a shell makes of its last one; FILE is a file that there is. */
const typed: readonly (readonly [line: string, word: string])[] = [
  ["sluice ev", "evict"],
  ["sluice evict --dr", "--dry-run"],
  ["sluice config ch", "check"],
  ["sluice --config FILE config ch", "check"],
  ["sluice --config config ev", "evict"],
  ["sluice completion f", "fish"],
  ["sluice help doc", "doctor"],
  ["sluice stats --conf", "--config"],
  ["sluice stats --config FIL", "FILE"],
];

/** Gives each shell the script that it is to read, and a directory with `FILE` in it. */
async function prepared(
  shell: string,
): Promise<AsyncDisposable & { path: string; script: string }> {
  const directory = await mkdtempDisposable(join(tmpdir(), "completion-"));
  const script = join(directory.path, "_sluice");
  await writeFile(script, await mustRun(sluiceProgram, ["completion", shell]));
  await writeFile(join(directory.path, "FILE"), "");
  return {
    path: directory.path,
    script,
    [Symbol.asyncDispose]: () => directory[Symbol.asyncDispose](),
  };
}

const askBash = `
source "$0"
read -ra COMP_WORDS <<<"$1"
COMP_CWORD=$(( \${#COMP_WORDS[@]} - 1 ))
_sluice
printf '%s\\n' "\${COMPREPLY[@]}"
`;

test("bash completes commands, options and their values", async (t) => {
  if (!haveAll(t, "bash")) return;
  await using home = await prepared("bash");

  for (const [line, word] of typed) {
    const options = { cwd: home.path };
    const args = ["-uc", askBash, home.script, line];
    assert.equal(await mustRun(programPath("bash"), args, options), `${word}\n`, line);
  }
});

test("bash offers options where there is nothing else, and nothing for what it cannot know", async (t) => {
  if (!haveAll(t, "bash")) return;
  await using home = await prepared("bash");
  const offered = async (line: string): Promise<string[]> => {
    // The word that is begun is empty.
    const ask = askBash.replace("COMP_CWORD=", "COMP_WORDS+=('')\nCOMP_CWORD=");
    return (await mustRun(programPath("bash"), ["-uc", ask, home.script, line])).trim().split("\n");
  };

  assert.ok((await offered("sluice")).includes("serve"));
  assert.ok((await offered("sluice evict")).includes("--dry-run"));
  assert.deepEqual(await offered("sluice evict --to"), [""]);
});

test("fish completes the same, and says what each means", async (t) => {
  if (!haveAll(t, "fish")) return;
  await using home = await prepared("fish");
  const options = { cwd: home.path, env: { ...process.env, HOME: home.path } };

  for (const [line, word] of typed) {
    const ask = `source ${home.script}; complete -C '${line}'`;
    const found = await mustRun(programPath("fish"), ["-c", ask], options);
    assert.deepEqual([line, ...found.trim().split("\n")].map(firstOf), [line, word].map(firstOf));
    if (word !== "FILE" && word !== "fish") assert.match(found, /\t\w/, line);
  }
});

function firstOf(line: string): string {
  return line.split("\t")[0] ?? "";
}

// A terminal of its own, in which the line is typed, completed and run; what runs says what it was given.
const askZsh = `
zmodload zsh/zpty
zpty shell zsh -f -i
zpty -w shell "PS1= PS2= RPS1=; fpath=($1 \\$fpath); autoload -Uz compinit; compinit -u -D; zstyle ':completion:*' insert-tab false; sluice() { print -r -- \\"<<\\$*>>\\" }; print REA''DY"
zpty -r shell seen '*READY*2004h*'
zpty -w -n shell "$2"$'\\t'
zpty -w -n shell $'\\n'
zpty -r shell seen '*<<*>>*'
print -r -- \${\${seen##*<<}%%>>*}
`;

test("zsh completes the same", async (t) => {
  if (!haveAll(t, "zsh")) return;
  await using home = await prepared("zsh");
  const options = { cwd: home.path, env: { ...process.env, HOME: home.path, TERM: "dumb" } };

  for (const [line, word] of typed) {
    const args = ["-fc", askZsh, "zsh", home.path, line];
    const ran = (await mustRun(programPath("zsh"), args, options)).trim();
    assert.equal(ran, line.replace(/^sluice /, "").replace(/\S+$/, word), line);
  }
});
