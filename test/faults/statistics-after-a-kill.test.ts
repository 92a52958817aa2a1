import assert from "node:assert/strict";
import { mkdtempDisposable } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { ask } from "../support/ask.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { SluiceProcess } from "../support/sluice-process.ts";

test("after kill -9 the statistics lack at most what came since they were written last", async () => {
  await using hub = await FakeUpstream.start();
  await using temporary = await mkdtempDisposable(join(tmpdir(), "sluice-killed-"));
  const blob = noiseBlob("counted", 10_000);
  hub.addBlob("library/app", blob);
  const upstreams = { "docker.io": { endpoints: [hub.url], default: true } };
  const options = { upstreams, directory: join(temporary.path, "storage") };
  const pull = async (mirror: SluiceProcess): Promise<void> => {
    assert.equal((await ask(`${mirror.url}/v2/app/blobs/${blob.digest}`)).status, 200);
  };
  await using killed = await SluiceProcess.start(options);
  for (let nth = 0; nth < 5; nth++) await pull(killed);
  // A request is counted when it is over, soon after its client has its answer.
  await eventually("all are counted", async () => (await countedBy(killed)) === 5);
  // Whoever asks has all of it written first, as it is every few seconds; but not what was counted meanwhile.
  await countedBy(killed);
  for (let nth = 0; nth < 3; nth++) await pull(killed);

  killed.kill("SIGKILL");
  await killed.exit();
  await using next = await SluiceProcess.start(options);

  const counted = await countedBy(next);
  assert.ok(counted >= 5 && counted <= 8, `${counted} requests`);
  await pull(next);
  await eventually("it goes on", async () => (await countedBy(next)) === counted + 1);
});

/** Pulls in the last hour and the one before. */
async function countedBy({ adminUrl }: SluiceProcess): Promise<number> {
  const answer = await ask(`${adminUrl}/api/v1/stats?window=2h&step=1h`);
  return JSON.parse(answer.bytes.toString()).traffic.total.sum.requests;
}
