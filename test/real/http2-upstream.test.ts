import assert from "node:assert/strict";
import { test } from "node:test";
import { DockerRegistry } from "../support/docker-registry.ts";
import { noiseBlob } from "../support/images.ts";
import { NginxTls } from "../support/nginx-tls.ts";
import { pullBlob } from "../support/pull-blob.ts";
import { pushBlob } from "../support/push.ts";
import { haveAll } from "../support/real-program.ts";
import { SluiceProcess } from "../support/sluice-process.ts";

for (const { http2, protocol } of [
  { http2: true, protocol: "HTTP/2.0" },
  { http2: false, protocol: "HTTP/1.1" },
]) {
  test(`an upstream behind TLS with http2: ${http2} is asked by ${protocol}`, async (t) => {
    if (!haveAll(t, "docker-registry", "nginx", "openssl")) return;
    const blob = noiseBlob("over TLS", 8 * 1024 * 1024);
    await using registry = await DockerRegistry.start();
    await pushBlob(registry.url, "library/app", blob);
    await using nginx = await NginxTls.start({ before: registry.url });
    const upstream = { endpoints: [nginx.url], default: true, caFile: nginx.caFile, http2 };
    await using mirror = await SluiceProcess.start({ upstreams: { "docker.io": upstream } });

    const pull = await pullBlob(mirror.url, "app", blob.digest);

    assert.equal(await pull.digest, blob.digest);
    const target = `/v2/library/app/blobs/${blob.digest}`;
    assert.deepEqual(await nginx.requests(), [`GET ${target} ${protocol} 200`]);
  });
}
