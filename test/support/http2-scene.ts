import { mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { makeCertificate } from "./certificate.ts";
import { FakeUpstream } from "./fake-upstream.ts";
import { Http2Client } from "./http2-client.ts";
import { TestMirror, type TestMirrorOptions } from "./test-mirror.ts";

/** A mirror that speaks HTTP/2 to whoever chooses it, before an upstream, and a client that has chosen it. */
export interface Http2Scene extends AsyncDisposable {
  readonly hub: FakeUpstream;
  readonly mirror: TestMirror;
  readonly client: Http2Client;
  /** What a client must trust to believe it. */
  readonly ca: Buffer;
  /** Another session. */
  readonly another: (settings?: ConstructorParameters<typeof Http2Client>[1]) => Http2Client;
}

export async function http2Scene({
  server,
  ...options
}: Pick<TestMirrorOptions, "writeIdleMs" | "server"> = {}): Promise<Http2Scene> {
  await using stack = new AsyncDisposableStack();
  const { path } = stack.use(await mkdtempDisposable(join(tmpdir(), "http2-")));
  const certificate = await makeCertificate(path);
  const hub = stack.use(await FakeUpstream.start());
  const mirror = stack.use(
    await TestMirror.start({
      upstreams: { "docker.io": hub },
      tls: [certificate],
      server: { http2: true, ...server },
      ...options,
    }),
  );
  const client = stack.use(new Http2Client(mirror.url));
  const ca = await readFile(certificate.certificateFile);
  const owned = stack.move();
  return {
    hub,
    mirror,
    client,
    ca,
    another: (settings) => owned.use(new Http2Client(mirror.url, settings)),
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}
