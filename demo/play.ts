import { formatBytes } from "../src/config/units.ts";
import { FakeUpstream, type SeenRequest } from "../test/support/fake-upstream.ts";
import { type Pull, pullImage } from "./client.ts";
import { demoImage, repository, tag } from "./demo-image.ts";
import { DemoMirror } from "./demo-mirror.ts";
import { heading, line, milliseconds, showPull, showUpstream } from "./show.ts";

/** What happened during one pull, on both sides of the mirror. */
interface Act {
  readonly pull: Pull;
  readonly upstreamRequests: readonly SeenRequest[];
  /** Bytes of content that upstream sent. */
  readonly upstreamBytes: number;
}

/** Pulls one image cold, warm, and with its upstream stopped. Rejects if anything is not as it should be. */
export async function play(interrupt: AbortSignal): Promise<void> {
  const image = demoImage();
  await using upstream = await FakeUpstream.start({ tokens: true });
  upstream.addImage(repository, tag, image);
  await using mirror = await DemoMirror.start(upstream, interrupt);
  introduce(upstream, mirror);
  const pull = (): Promise<Act> => watchPull(upstream, mirror, interrupt);

  heading("1. Cold: the mirror has nothing");
  const cold = await pull();
  show(cold);

  heading("2. Warm: the same pull again");
  const warm = await pull();
  show(warm);
  insist(blobRequests(warm).length === 0, "a blob was asked of upstream again");

  heading("3. The upstream is stopped");
  await upstream.down();
  const alone = await pull();
  show(alone);
  insist(alone.pull.bytes === cold.pull.bytes, "not every byte came without the upstream");

  heading("$ sluice stats");
  line(await mirror.stats());
  conclude([cold, warm, alone]);
}

function introduce(upstream: FakeUpstream, mirror: DemoMirror): void {
  line(`upstream  ${upstream.url}, in memory; it wants a token for every pull`);
  line(`mirror    ${mirror.url}, bin/sluice serve with an empty directory`);
  line(`image     ${repository}:${tag}, pulled as a container engine would`);
  line();
  line("The mirror is told to ask about the tag at every pull (freshness.ttl: 0s), so");
  line("that you see it ask. By default it believes a tag for a minute.");
}

async function watchPull(
  upstream: FakeUpstream,
  mirror: DemoMirror,
  interrupt: AbortSignal,
): Promise<Act> {
  const seenBefore = upstream.requests.length;
  const receivedBefore = (await mirror.counted()).receivedBytes;
  const pull = await pullImage({ registryUrl: mirror.url, repository, tag, interrupt });
  // A client has its last byte when the mirror has verified it, a moment before the file is stored.
  await mirror.untilStored(interrupt);
  return {
    pull,
    upstreamRequests: upstream.requests.slice(seenBefore),
    upstreamBytes: (await mirror.counted()).receivedBytes - receivedBefore,
  };
}

function show({ pull, upstreamRequests, upstreamBytes }: Act): void {
  showPull(pull);
  showUpstream(upstreamRequests);
  line(
    `The client got ${formatBytes(pull.bytes)} in ${milliseconds(pull.durationMs)}; ` +
      `upstream sent ${formatBytes(upstreamBytes)}.`,
  );
}

function conclude(acts: readonly Act[]): void {
  const pulledBytes = acts.reduce((sum, { pull }) => sum + pull.bytes, 0);
  const upstreamBytes = acts.reduce((sum, act) => sum + act.upstreamBytes, 0);
  line();
  line(
    `Three pulls took ${formatBytes(pulledBytes)}, and upstream sent ${formatBytes(upstreamBytes)} of it, once.`,
  );
  line("With the upstream stopped, every byte still came, and every digest was right.");
}

function blobRequests({ upstreamRequests }: Act): SeenRequest[] {
  return upstreamRequests.filter(({ target }) => target.includes("/blobs/"));
}

function insist(fact: boolean, otherwise: string): void {
  if (!fact) throw new Error(otherwise);
}
