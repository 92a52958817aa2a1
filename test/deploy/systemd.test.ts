import assert from "node:assert/strict";
import { access, mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "../support/ask.ts";
import { changed, deployFile, inCheckout } from "../support/deploy.ts";
import { DockerRegistry } from "../support/docker-registry.ts";
import { eventually } from "../support/eventually.ts";
import { noiseBlob } from "../support/images.ts";
import { pullBlob } from "../support/pull-blob.ts";
import { pushBlob } from "../support/push.ts";
import { haveAll, programPath } from "../support/real-program.ts";
import { mustRun, runProgram } from "../support/run-program.ts";
import { ServerProcess } from "../support/server-process.ts";
import { makeHome, sluiceProgram } from "../support/sluice-process.ts";
import { standIns } from "../support/stand-ins.ts";
import { unitSettings } from "../support/unit-file.ts";

const installed = "/opt/sluice";

test("systemd finds nothing wrong with the unit, and little that it could be exposed by", async (t) => {
  if (!haveAll(t, "systemd-analyze")) return;
  await using home = await mkdtempDisposable(join(tmpdir(), "unit-"));
  const unit = join(home.path, "sluice.service");
  // Whose programs are where it says, as they are after an installation.
  await writeFile(
    unit,
    changed(await deployFile("systemd/sluice.service"), [[installed, inCheckout("")]]),
  );

  const verified = await runProgram(programPath("systemd-analyze"), ["verify", "--man=no", unit]);
  const secure = ["security", "--offline=yes", "--threshold=20", "--no-pager", unit];
  const judged = await runProgram(programPath("systemd-analyze"), secure);

  assert.deepEqual([verified.code, verified.stderr], [0, ""]);
  assert.equal(judged.code, 0, `more exposed than 2.0 of 10: ${judged.stdout}`);
});

test("the unit's paths, commands and times are those of sluice", async () => {
  const unit = unitSettings(await deployFile("systemd/sluice.service"));
  const environment = unit.get("Service.Environment") ?? [];
  const commands = [
    ...(unit.get("Service.ExecStart") ?? []),
    ...(unit.get("Service.ExecReload") ?? []),
  ];
  const [stopSeconds] = unit.get("Service.TimeoutStopSec") ?? [];

  assert.deepEqual(commands, [
    `${installed}/bin/sluice serve`,
    `${installed}/bin/sluice config check`,
    "/bin/kill -HUP $MAINPID",
  ]);
  await access(inCheckout("bin/sluice"));
  assert.deepEqual(environment, [
    "SLUICE_CONFIG=/etc/sluice/mirror.config.yaml",
    "SLUICE_DIRECTORY=/var/lib/sluice",
  ]);
  assert.deepEqual(unit.get("Service.StateDirectory"), ["sluice"]);
  assert.match(
    await readFile(inCheckout("mirror.config.yaml"), "utf8"),
    /directory: \$\{SLUICE_DIRECTORY:-/,
  );
  const [, drainMs] =
    /drainMs = ([\d_]+);/.exec(await readFile(inCheckout("src/cli/commands/serve.ts"), "utf8")) ??
    [];
  assert.ok(Number(stopSeconds) * 1000 > Number(drainMs?.replaceAll("_", "")));
});

test("the mirror makes no system call that the unit's filter refuses", async (t) => {
  if (!haveAll(t, "systemd-analyze", "strace", "docker-registry")) return;
  const blob = noiseBlob("traced", 4 * 1024 * 1024);
  await using hub = await DockerRegistry.start();
  await pushBlob(hub.url, "library/app", blob);
  await using home = await makeHome({ upstreams: standIns(hub) });
  const made = join(home.path, "calls");
  const [filter] = unitSettings(await deployFile("systemd/sluice.service")).get(
    "Service.SystemCallFilter",
  ) ?? [""];

  const count = ["-f", "-qq", "-c", "-U", "name", "-o", made];
  const serve = [sluiceProgram, "serve", "--config", home.configFile];
  await using traced = new ServerProcess(programPath("strace"), [...count, ...serve]);
  await traced.until(
    async () => (await ask(`http://${home.host}/readyz`).catch(() => null))?.status === 200,
  );
  for (let at = 0; at < 2; at++) {
    const pull = await pullBlob(`http://${home.host}`, "app", blob.digest);
    assert.equal(await pull.digest, blob.digest);
  }
  await ask(`http://${home.adminHost}/metrics`);
  // strace ends with the mirror, and passes the signal on to nobody.
  const children = await readFile(`/proc/${traced.pid}/task/${traced.pid}/children`, "utf8");
  process.kill(Number(children.trim()), "SIGTERM");
  await eventually("the mirror's end", () => !traced.running);

  const allowed = await allowedBy(filter ?? "");
  const calls = (await readFile(made, "utf8"))
    .split("\n")
    .filter((name) => /^[a-z]\w*$/.test(name));
  const refused = calls.filter(
    (name) => name !== "syscall" && name !== "total" && !allowed.has(name),
  );
  assert.ok(calls.length > 50 && allowed.size > 200);
  assert.deepEqual(refused, []);
});

/** The calls of a set such as `@system-service`, with those of the sets in it. */
async function allowedBy(set: string): Promise<Set<string>> {
  const printed = await mustRun(programPath("systemd-analyze"), ["syscall-filter", "--no-pager"]);
  const sets = new Map<string, string[]>();
  let name = "";
  for (const line of printed.split("\n")) {
    if (line.startsWith("@")) name = line.trim();
    else if (/^ +[@a-z]/.test(line)) sets.set(name, [...(sets.get(name) ?? []), line.trim()]);
  }
  const expand = (call: string): string[] =>
    call.startsWith("@") ? (sets.get(call) ?? []).flatMap(expand) : [call];
  return new Set(expand(set));
}
