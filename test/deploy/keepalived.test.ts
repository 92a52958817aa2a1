import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { changed, deployFile } from "../support/deploy.ts";
import { haveAll, programPath } from "../support/real-program.ts";
import { runProgram } from "../support/run-program.ts";

test("keepalived understands every line of its configuration", async (t) => {
  if (!haveAll(t, "keepalived")) return;
  const text = changed(await deployFile("keepalived/keepalived.conf"), [["eth0", anInterface()]]);

  assert.deepEqual(await complaints(text), []);
  assert.equal((await complaints(text.replace("nopreempt", "nopreemt"))).length, 1, "it looks");
});

/** What it writes of a file, a line each that it does not understand. Its exit code says less: it ends itself by a signal. */
async function complaints(text: string): Promise<string[]> {
  await using home = await mkdtempDisposable(join(tmpdir(), "keepalived-"));
  const file = join(home.path, "keepalived.conf");
  await writeFile(file, text, { mode: 0o600 });
  const args = ["--vrrp", "--config-test", "--use-file", file];
  const { stderr } = await runProgram(programPath("keepalived"), args);
  return stderr.split("\n").filter((line) => line.includes("keepalived.conf: Line"));
}

// It takes none that is not there, and no loopback.
function anInterface(): string {
  const [found] = Object.entries(networkInterfaces()).filter(([, addresses]) =>
    addresses?.some(({ internal }) => !internal),
  );
  return found?.[0] ?? "eth0";
}
