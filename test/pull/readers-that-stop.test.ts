import assert from "node:assert/strict";
import { test } from "node:test";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { noiseBlob } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";

// More than the buffers of two sockets take.
const sizeBytes = 32 * 1024 * 1024;

// Longer than this process, which is the other reader too, can be busy with something else.
const idleMs = 3_000;

test("a reader that stops reading is let go of, and the others get everything", async () => {
  await using hub = await FakeUpstream.start();
  const upstreams = { "docker.io": hub };
  await using mirror = await TestMirror.start({ upstreams, writeIdleMs: idleMs });
  const blob = noiseBlob("unread", sizeBytes);
  const small = noiseBlob("read", 1_000_000);
  for (const one of [blob, small]) hub.addBlob("library/app", one);
  using stopped = mirror.open(`/v2/app/blobs/${blob.digest}`);
  await stopped.when(({ body }) => body.length > 0);

  stopped.pause();
  const other = await mirror.get(`/v2/app/blobs/${small.digest}`);
  const line = await eventually("the mirror has let go of the reader", () => {
    return mirror.logLines.find(({ left }) => left !== undefined) ?? null;
  });

  assert.ok(other.complete && other.body.equals(small.bytes));
  assert.equal(line["left"], "the client took nothing for 3 seconds");
});
