import assert from "node:assert/strict";
import { copyFile, mkdir, mkdtempDisposable, readFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { makeCertificate } from "../support/certificate.ts";
import { ContainersHome } from "../support/containers-home.ts";
import { hubCorpus, nameOf } from "../support/corpus.ts";
import { CorpusRegistries } from "../support/corpus-registries.ts";
import { haveAll, haveRoot } from "../support/real-program.ts";
import { skopeo } from "../support/skopeo.ts";
import { TestMirror } from "../support/test-mirror.ts";

const { multi } = hubCorpus;

test("skopeo and podman pull over TLS from the mirror itself, and only if they believe its certificate", async (t) => {
  const programs = ["docker-registry", "openssl", "skopeo", "podman", "runc"] as const;
  if (!haveRoot(t) || !haveAll(t, ...programs)) return;
  await using registries = await CorpusRegistries.start();
  await using home = await mkdtempDisposable(join(tmpdir(), "tls-"));
  const certificate = await makeCertificate(home.path);
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": registries.hub.url },
    tls: [certificate],
  });
  const image = `${new URL(mirror.url).host}/${nameOf(multi)}`;
  const trust = join(home.path, "trust");
  await mkdir(trust);
  await copyFile(certificate.certificateFile, join(trust, "ca.crt"));
  const copy = ["copy", "--quiet", "--all", "--preserve-digests"];
  const destination = `dir:${home.path}/copy`;

  await assert.rejects(skopeo(...copy, `docker://${image}`, destination), /certificate/);
  await skopeo(...copy, "--src-cert-dir", trust, `docker://${image}`, destination);
  await using podman = await ContainersHome.withConf("");
  await podman.podman("pull", "--quiet", "--cert-dir", trust, image);

  const manifest = await readFile(join(home.path, "copy/manifest.json"));
  assert.ok(manifest.equals(multi.image.manifest.bytes));
});
