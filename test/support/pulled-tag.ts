import { FakeUpstream } from "./fake-upstream.ts";
import { imageOfSize, type TestImage } from "./images.ts";
import { TestMirror, type TestMirrorOptions } from "./test-mirror.ts";

export const old: TestImage = imageOfSize("old", 100);
export const next: TestImage = imageOfSize("next", 100);
export const tagPath = "/v2/library/app/manifests/latest";
export const dayMs: number = 24 * 3_600_000;

export interface PulledTag extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
}

/** A mirror that has just pulled `library/app:latest`, which is `old`. */
export async function pulledTag(
  options: Omit<TestMirrorOptions, "upstreams"> = {},
): Promise<PulledTag> {
  await using resources = new AsyncDisposableStack();
  const hub = resources.use(await FakeUpstream.start());
  const upstreams = { "docker.io": hub };
  const mirror = resources.use(await TestMirror.start({ ...options, upstreams }));
  hub.addImage("library/app", "latest", old);
  await mirror.get(tagPath);
  const kept = resources.move();
  return { hub, mirror, [Symbol.asyncDispose]: () => kept.disposeAsync() };
}
