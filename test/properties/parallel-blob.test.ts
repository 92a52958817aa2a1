import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import type { IncomingBlob } from "../../src/mirror/fills/incoming-blob.ts";
import { LentMemory } from "../../src/mirror/fills/lent-memory.ts";
import { ParallelBlob, type SingleStart } from "../../src/mirror/fills/parallel-blob.ts";
import type { SegmentPlan } from "../../src/mirror/fills/segment-plan.ts";
import { SegmentsAhead } from "../../src/mirror/fills/segments-ahead.ts";
import type { Batch } from "../../src/upstream/exchange/batch.ts";
import { holds } from "../support/holds.ts";
import { noise } from "../support/noise.ts";
import { batchOf, nobody, nowhere, type PartFate, PartSender } from "../support/part-sender.ts";

const fate: fc.Arbitrary<PartFate> = fc.record({
  answer: fc.constantFrom("part", "part", "part", "part", "none", "refused"),
  brokenAt: fc.option(fc.nat(30), { freq: 2 }),
  pieceBytes: fc.integer({ min: 1, max: 40 }),
});

const plan: fc.Arbitrary<SegmentPlan> = fc
  .record({
    sizeBytes: fc.integer({ min: 1, max: 200 }),
    segmentBytes: fc.integer({ min: 1, max: 40 }),
    connections: fc.integer({ min: 2, max: 5 }),
  })
  .map(({ sizeBytes, segmentBytes, connections }) => {
    const count = Math.ceil(sizeBytes / segmentBytes);
    return { sizeBytes, segmentBytes, count, connections, heldLimit: 2 * connections };
  });

/** What one connection brings: how many bytes at a time, and whether it goes on behind what it was asked for. */
const single = fc.record({ pieceBytes: fc.integer({ min: 1, max: 60 }), goesOn: fc.boolean() });

test("in whatever order parts come, and wherever they break off, what is read is the blob", async () => {
  await holds(
    fc.asyncProperty(
      fc.scheduler(),
      plan,
      fc.array(fate, { maxLength: 30 }),
      fc.array(single, { minLength: 1, maxLength: 5 }),
      async (scheduler, ofBlob, fates, singles) => {
        const content = noise("read in parts", ofBlob.sizeBytes);
        const turn = (what: string): Promise<void> => scheduler.schedule(Promise.resolve(), what);
        const sender = new PartSender({ content, fates, turn });
        const memory = new LentMemory(128 * 1024 * 1024);
        using blob = new ParallelBlob({
          sizeBytes: ofBlob.sizeBytes,
          ahead: new SegmentsAhead({
            plan: ofBlob,
            whence: nowhere,
            memory,
            mayAsk: () => true,
            ask: (range) => sender.send(range),
            onBegin: () => {},
            onStop: () => {},
          }),
          single: singleConnections(content, singles, turn),
        });

        const read = await scheduler.waitFor(readAll(blob));

        assert.ok(read.equals(content), `${read.length} bytes`);
        assert.ok(sender.mostRunning <= ofBlob.connections);
        assert.equal(memory.lentBytes, 0);
      },
    ),
  );
});

async function readAll(blob: IncomingBlob): Promise<Buffer> {
  const parts: Buffer[] = [];
  for (;;) {
    using batch = await blob.next();
    if (!batch) return Buffer.concat(parts);
    parts.push(Buffer.concat(batch.chunks));
  }
}

/** Each brings what it was asked for, or, as upstreams do that know no ranges, the blob to its end. */
function singleConnections(
  content: Buffer,
  singles: readonly { readonly pieceBytes: number; readonly goesOn: boolean }[],
  turn: (what: string) => Promise<void>,
): (from: SingleStart) => IncomingBlob {
  let opened = 0;
  return ({ startBytes, until }) => {
    const { pieceBytes, goesOn } = singles[opened++ % singles.length] ?? assert.fail();
    let endBytes = startBytes === 0 ? content.length : -1;
    let at = startBytes;
    const next = async (): Promise<Batch | null> => {
      await turn(`own at ${at}`);
      if (endBytes < 0) endBytes = until() ?? content.length;
      if (goesOn) endBytes = content.length;
      if (at >= endBytes) return null;
      const piece = content.subarray(at, Math.min(endBytes, at + pieceBytes));
      at += piece.length;
      return batchOf(piece);
    };
    return { answerers: new Set([nobody]), next, [Symbol.dispose]: () => {} };
  };
}
