import assert from "node:assert/strict";
import { test } from "node:test";
import { ask } from "../support/ask.ts";
import { haveAll } from "../support/real-program.ts";
import { ServerProcess } from "../support/server-process.ts";
import { makeHome, sluiceProgram } from "../support/sluice-process.ts";

const upstreams = { "docker.io": { endpoints: ["http://127.0.0.1:9"], default: true } };

/** Where the log goes, as bash says it. `$$` is the daemon's own pid. */
const outputs: Readonly<Record<string, string>> = {
  "to a pipe that is closed": "> >(exec true)",
  "to a pipe that nobody reads": "> >(exec tail -f /dev/null --pid=$$)",
  "to a disk that is full": "> /dev/full",
};

for (const [what, output] of Object.entries(outputs)) {
  test(`a daemon whose log goes ${what} serves on, and ends`, async (t) => {
    if (!haveAll(t, "bash", "tail")) return;
    await using home = await makeHome({ upstreams });
    const script = `exec "$0" serve --config "$1" ${output}`;
    await using daemon = new ServerProcess("bash", ["-c", script, sluiceProgram, home.configFile]);
    await daemon.until(async () => {
      return (await ask(`http://${home.host}/readyz`).catch(() => null))?.status === 200;
    });

    // A pipe holds 64 KiB, and what waits for it a MiB: each of these has a line of some 900 bytes.
    const target = `/v2/a/tags/list?last=${"x".repeat(490)}`;
    for (let at = 0; at < 80; at++) {
      const asking = Array.from({ length: 20 }, () => ask(`http://${home.host}${target}`));
      // 503 from when the upstream is left alone.
      for (const { status } of await Promise.all(asking)) assert.ok([502, 503].includes(status));
    }

    assert.equal((await ask(`http://${home.host}/readyz`)).status, 200);
    daemon.kill("SIGTERM");
    assert.deepEqual(await daemon.exit(), { code: 0, signal: null });
    assert.equal(daemon.stderr, "");
  });
}
