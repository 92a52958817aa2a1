import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { monitorEventLoopDelay } from "node:perf_hooks";
import { test } from "node:test";
import { setTimeout as pause } from "node:timers/promises";
import { pino } from "pino";
import { type LoginCheck, Logins } from "../../src/auth/logins.ts";
import { PasswordHashing } from "../../src/auth/password-hashing.ts";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { basic, passwordLine } from "../support/login-files.ts";

// On a machine with nothing else to do, for other work is noise here.

const rounds = 500;
const differenceMs = 2;

// What one of them did more, it would do each time.
const tries = 3;

test("how long a refusal takes does not tell whether there is such a user, whatever its hash costs", async () => {
  await using scene = await loginsOf({ cheap: 4, dear: 6 });
  const seen: string[] = [];
  for (let attempt = 0; attempt < tries; attempt++) {
    const medians = await mediansOf(scene, ["nobody", "cheap", "dear"]);
    if (Math.max(...medians) - Math.min(...medians) < differenceMs) return;
    seen.push(medians.map((ms) => ms.toFixed(2)).join(", "));
  }
  assert.fail(`no user, a cheap hash and a dear one took ${seen.join(" and then ")} ms`);
});

test("fifty wrong passwords a second, each from elsewhere, do not hold up the event loop", async (t) => {
  await using scene = await loginsOf({ alice: 10 });
  const seconds = 10;
  const delay = monitorEventLoopDelay({ resolution: 5 });
  delay.enable();
  const checks: Promise<LoginCheck>[] = [];

  for (let at = 0; at < 50 * seconds; at++) {
    checks.push(scene.check("alice", `wrong ${at}`));
    await pause(20);
  }
  const kinds = (await Promise.all(checks)).map(({ kind }) => kind);
  delay.disable();

  const p99Ms = delay.percentile(99) / 1e6;
  const count = (kind: string): number => kinds.filter((one) => one === kind).length;
  t.diagnostic(`p99 ${p99Ms.toFixed(1)} ms; ${count("wrong")} compared, ${count("busy")} refused`);
  assert.equal(count("wrong") + count("busy"), kinds.length);
  assert.ok(p99Ms < 100, `p99 is ${p99Ms} ms`);
});

type Scene = Awaited<ReturnType<typeof loginsOf>>;

/** Of what each name takes to be refused, asked in turns: what else the machine does slows all alike. */
async function mediansOf(scene: Scene, names: readonly string[]): Promise<number[]> {
  const times: number[][] = names.map(() => []);
  for (let round = 0; round < rounds; round++) {
    for (const [at, name] of names.entries()) {
      const startedMs = performance.now();
      const { kind } = await scene.check(name, `wrong ${performance.now()}`);
      times[at]?.push(performance.now() - startedMs);
      assert.equal(kind, "wrong");
    }
  }
  return times.map((all) => all.toSorted((one, other) => one - other)[rounds / 2] ?? 0);
}

/** Users and what their hashes cost. Each check comes from another address. */
async function loginsOf(costs: Readonly<Record<string, number>>) {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await mkdtempDisposable(join(tmpdir(), "sluice-logins-")));
  const htpasswdFile = join(path, "htpasswd");
  const lines = Object.entries(costs).map(([name, cost]) => passwordLine(name, "right", cost));
  await writeFile(htpasswdFile, lines.join(""));
  const logins = stack.use(
    new Logins({
      listener: "server",
      files: { htpasswdFile, tokensFile: null },
      hashing: new PasswordHashing(),
      log: pino({ level: "silent" }),
      metrics: new Metrics("test"),
      monotonicMs: () => performance.now(),
    }),
  );
  const running = stack.move();
  let callers = 0;
  return {
    check: (name: string, password: string): Promise<LoginCheck> => {
      callers++;
      const address = `10.${callers >> 16}.${(callers >> 8) & 255}.${callers & 255}`;
      return logins.check(basic(name, password), address);
    },
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}
