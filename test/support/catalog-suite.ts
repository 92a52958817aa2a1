import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Digest, digestOf } from "../../src/oci/digest.ts";
import { parseTag, type Tag } from "../../src/oci/reference.ts";
import { parseRepository } from "../../src/oci/repository.ts";
import type { BlobRecord, Catalog, Location, ManifestRecord } from "../../src/storage/catalog.ts";
import {
  type LoggedPulls,
  type PullLogBounds,
  prefixOf,
  unpackMembers,
} from "../../src/storage/images/logged-pulls.ts";
import { type PulledOnce, pullBatch } from "./pull-batch.ts";

/** A fresh, empty catalog; disposing throws it away. */
export interface CatalogFixture extends AsyncDisposable {
  readonly catalog: Catalog;
}

/** What every Catalog must do. */
export function catalogSuite(name: string, openFixture: () => Promise<CatalogFixture>): void {
  suite(`${name} as a Catalog`, () => {
    blobSuite(openFixture);
    manifestSuite(openFixture);
    tagSuite(openFixture);
    historySuite(openFixture);
    grantSuite(openFixture);
    listSuite(openFixture);
    referrerSuite(openFixture);
    publicSuite(openFixture);
    scanSuite(openFixture);
    scrubSuite(openFixture);
    pinSuite(openFixture);
    evictionSuite(openFixture);
    pullLogSuite(openFixture);
  });
}

export function blobRecord(text: string, sizeBytes: number = text.length): BlobRecord {
  return { digest: digestOf(Buffer.from(text)), sizeBytes, identity: `identity of ${text}` };
}

/** As content that was lost is forgotten, whatever its identity. */
export async function forgetContent(catalog: Catalog, digest: Digest): Promise<void> {
  const blob = await catalog.blob(digest);
  if (blob) await catalog.forgetLost(blob);
}

export function locationOf(upstream: string, name: string): Location {
  const repository = parseRepository(name);
  assert.ok(repository);
  return { upstream, repository };
}

export function tagOf(text: string): Tag {
  const tag = parseTag(text);
  assert.ok(tag);
  return tag;
}

function manifestOf(
  text: string,
  references: readonly Digest[],
  subject: Digest | null = null,
): ManifestRecord {
  return {
    blob: blobRecord(text),
    mediaType: "application/vnd.oci.image.manifest.v1+json",
    references,
    subject,
  };
}

const alpine = locationOf("docker.io", "library/alpine");
const busybox = locationOf("docker.io", "library/busybox");
const alpineElsewhere = locationOf("ghcr.io", "library/alpine");

function blobSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("an empty catalog knows nothing", async () => {
    await using fixture = await openFixture();
    const { digest } = blobRecord("never recorded");

    assert.equal(await fixture.catalog.blob(digest), null);
    assert.equal(await fixture.catalog.manifestMediaType(digest), null);
    assert.equal(await fixture.catalog.tag(alpine, tagOf("latest"), ""), null);
    assert.equal(await fixture.catalog.grantedAtMs(alpine, digest), null);
    assert.equal(await fixture.catalog.isReferenced(alpine, digest), false);
    assert.deepEqual(await fixture.catalog.tags(alpine, null, 10), []);
    assert.deepEqual(await fixture.catalog.repositories("docker.io", null, 10), []);
    assert.deepEqual(await fixture.catalog.referrers(alpine, digest, 10), []);
    assert.deepEqual(await fixture.catalog.ungranted(alpine, digest), []);
    assert.equal(await fixture.catalog.publicAtMs(alpine), null);
    assert.partialDeepStrictEqual(await fixture.catalog.usage(), { blobs: 0, bytes: 0 });
  });

  test("a recorded blob is found, and is granted to the repository it came through", async () => {
    await using fixture = await openFixture();
    const blob = blobRecord("layer");

    await fixture.catalog.recordBlob(alpine, blob, 1_795_000_000_123);

    assert.deepEqual(await fixture.catalog.blob(blob.digest), blob);
    assert.equal(await fixture.catalog.grantedAtMs(alpine, blob.digest), 1_795_000_000_123);
    assert.equal(await fixture.catalog.grantedAtMs(busybox, blob.digest), null);
    assert.equal(await fixture.catalog.grantedAtMs(alpineElsewhere, blob.digest), null);
    assert.equal(await fixture.catalog.manifestMediaType(blob.digest), null);
  });

  test("a blob recorded again has its new size and identity and is counted once", async () => {
    await using fixture = await openFixture();
    const blob = blobRecord("layer", 100);
    await fixture.catalog.recordBlob(alpine, blob, 1);

    const again = { ...blob, sizeBytes: 70, identity: "new" };
    await fixture.catalog.recordBlob(busybox, again, 2);

    assert.deepEqual(await fixture.catalog.blob(blob.digest), again);
    assert.partialDeepStrictEqual(await fixture.catalog.usage(), { blobs: 1, bytes: 70 });
    assert.equal(await fixture.catalog.grantedAtMs(alpine, blob.digest), 1);
    assert.equal(await fixture.catalog.grantedAtMs(busybox, blob.digest), 2);
  });

  test("sizes beyond 32 bits are kept", async () => {
    await using fixture = await openFixture();
    const blob = blobRecord("huge", 5_000_000_000_000);

    await fixture.catalog.recordBlob(alpine, blob, 1);

    assert.equal((await fixture.catalog.blob(blob.digest))?.sizeBytes, 5_000_000_000_000);
    assert.equal((await fixture.catalog.usage()).bytes, 5_000_000_000_000);
  });

  test("a new identity replaces the old one, and only that", async () => {
    await using fixture = await openFixture();
    const blob = blobRecord("layer");
    await fixture.catalog.recordBlob(alpine, blob, 1);

    await fixture.catalog.recordIdentity(blob.digest, "hashed again");
    await fixture.catalog.recordIdentity(blobRecord("never recorded").digest, "nothing");

    assert.deepEqual(await fixture.catalog.blob(blob.digest), {
      ...blob,
      identity: "hashed again",
    });
    assert.partialDeepStrictEqual(await fixture.catalog.usage(), {
      blobs: 1,
      bytes: blob.sizeBytes,
    });
  });

  test("usage follows what is recorded and forgotten", async () => {
    await using fixture = await openFixture();
    await fixture.catalog.recordBlob(alpine, blobRecord("a", 10), 1);
    await fixture.catalog.recordBlob(alpine, blobRecord("b", 20), 1);
    await fixture.catalog.recordManifest(alpine, manifestOf("manifest", []), 1);
    assert.partialDeepStrictEqual(await fixture.catalog.usage(), { blobs: 3, bytes: 38 });

    await fixture.catalog.forgetLost(blobRecord("a"));
    await fixture.catalog.forgetLost(blobRecord("a"));

    assert.partialDeepStrictEqual(await fixture.catalog.usage(), { blobs: 2, bytes: 28 });
  });

  test("a read that starts when a write has resolved sees it, among many writes", async () => {
    await using fixture = await openFixture();

    const writes = Array.from({ length: 2000 }, async (_, index) => {
      const blob = blobRecord(`layer ${index}`, index);
      await fixture.catalog.recordBlob(alpine, blob, index);
      assert.deepEqual(await fixture.catalog.blob(blob.digest), blob);
    });

    await Promise.all(writes);
    assert.partialDeepStrictEqual(await fixture.catalog.usage(), {
      blobs: 2000,
      bytes: (1999 * 2000) / 2,
    });
  });

  test("writes take effect in the order they were made", async () => {
    await using fixture = await openFixture();
    const blob = blobRecord("layer");

    const writes = Array.from({ length: 501 }, (_, index) =>
      index % 2 === 0
        ? fixture.catalog.recordBlob(alpine, { ...blob, identity: `${index}` }, index)
        : fixture.catalog.forgetLost({ ...blob, identity: `${index - 1}` }),
    );
    await Promise.all(writes);

    assert.equal((await fixture.catalog.blob(blob.digest))?.identity, "500");
  });

  test("a write that cannot be made rejects alone", async () => {
    await using fixture = await openFixture();
    const writes = Array.from({ length: 300 }, (_, index) =>
      fixture.catalog.recordBlob(alpine, blobRecord(`${index}`, index === 150 ? Number.NaN : 1), 1),
    );

    const results = await Promise.allSettled(writes);

    const rejected = results.flatMap((result, index) =>
      result.status === "rejected" ? [index] : [],
    );
    assert.deepEqual(rejected, [150]);
    assert.partialDeepStrictEqual(await fixture.catalog.usage(), { blobs: 299, bytes: 299 });
    assert.equal(await fixture.catalog.blob(blobRecord("150").digest), null);
    assert.equal(await fixture.catalog.grantedAtMs(alpine, blobRecord("150").digest), null);
  });
}

function manifestSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("a recorded manifest is a blob with a media type, granted to its repository", async () => {
    await using fixture = await openFixture();
    const manifest = manifestOf("manifest", [blobRecord("config").digest]);

    await fixture.catalog.recordManifest(alpine, manifest, 5);

    const { digest } = manifest.blob;
    assert.deepEqual(await fixture.catalog.blob(digest), manifest.blob);
    assert.equal(await fixture.catalog.manifestMediaType(digest), manifest.mediaType);
    assert.equal(await fixture.catalog.grantedAtMs(alpine, digest), 5);
  });

  test("what a manifest names is not granted by that", async () => {
    await using fixture = await openFixture();
    const layer = blobRecord("layer").digest;

    await fixture.catalog.recordManifest(alpine, manifestOf("manifest", [layer]), 5);

    assert.equal(await fixture.catalog.grantedAtMs(alpine, layer), null);
    assert.equal(await fixture.catalog.blob(layer), null);
  });

  test("a digest is referenced if the repository's manifest names it and the upstream holds it", async () => {
    await using fixture = await openFixture();
    const layer = blobRecord("layer").digest;
    await fixture.catalog.recordManifest(alpine, manifestOf("manifest", [layer]), 1);

    assert.equal(await fixture.catalog.isReferenced(alpine, layer), false, "no grant anywhere");
    await fixture.catalog.recordGrant(alpineElsewhere, layer, 1);
    assert.equal(await fixture.catalog.isReferenced(alpine, layer), false, "another upstream");
    await fixture.catalog.recordGrant(busybox, layer, 1);
    assert.equal(await fixture.catalog.isReferenced(alpine, layer), true);

    assert.equal(await fixture.catalog.isReferenced(busybox, layer), false, "no manifest of it");
    assert.equal(await fixture.catalog.isReferenced(alpineElsewhere, layer), false);
  });

  test("a manifest the repository lost refers to nothing", async () => {
    await using fixture = await openFixture();
    const layer = blobRecord("layer").digest;
    const manifest = manifestOf("manifest", [layer]);
    await fixture.catalog.recordManifest(alpine, manifest, 1);
    await fixture.catalog.recordGrant(busybox, layer, 1);

    await fixture.catalog.forgetGrant(alpine, manifest.blob.digest);

    assert.equal(await fixture.catalog.isReferenced(alpine, layer), false);
  });

  test("a manifest recorded again has its new media type and references", async () => {
    await using fixture = await openFixture();
    const [old, young] = [blobRecord("old").digest, blobRecord("young").digest];
    await fixture.catalog.recordManifest(alpine, manifestOf("manifest", [old]), 1);
    await fixture.catalog.recordGrant(alpine, old, 1);
    await fixture.catalog.recordGrant(alpine, young, 1);

    const again = { ...manifestOf("manifest", [young, young]), mediaType: "application/other" };
    await fixture.catalog.recordManifest(alpine, again, 2);

    assert.equal(await fixture.catalog.manifestMediaType(again.blob.digest), "application/other");
    assert.equal(await fixture.catalog.isReferenced(alpine, old), false);
    assert.equal(await fixture.catalog.isReferenced(alpine, young), true);
  });

  test("a manifest may name thousands of digests", async () => {
    await using fixture = await openFixture();
    const references = Array.from({ length: 5000 }, (_, index) => blobRecord(`${index}`).digest);
    const last = blobRecord("4999").digest;

    await fixture.catalog.recordManifest(alpine, manifestOf("manifest", references), 1);
    await fixture.catalog.recordGrant(alpine, last, 1);

    assert.equal(await fixture.catalog.isReferenced(alpine, last), true);
  });

  test("forgetting a manifest forgets what it names, but neither its tags nor its grants", async () => {
    await using fixture = await openFixture();
    const layer = blobRecord("layer").digest;
    const { blob } = manifestOf("manifest", []);
    await fixture.catalog.recordManifest(alpine, manifestOf("manifest", [layer]), 7);
    await fixture.catalog.recordBlob(alpine, blobRecord("layer"), 7);
    await fixture.catalog.recordTag(alpine, tagOf("latest"), "", {
      digest: blob.digest,
      checkedAtMs: 7,
    });

    await fixture.catalog.forgetLost(blob);

    assert.equal(await fixture.catalog.blob(blob.digest), null);
    assert.equal(await fixture.catalog.manifestMediaType(blob.digest), null);
    assert.equal(await fixture.catalog.isReferenced(alpine, layer), false);
    assert.equal(await fixture.catalog.grantedAtMs(alpine, blob.digest), 7);
    assert.equal((await fixture.catalog.tag(alpine, tagOf("latest"), ""))?.digest, blob.digest);
  });
}

function tagSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("a tag means a digest in its repository only", async () => {
    await using fixture = await openFixture();
    const record = { digest: blobRecord("manifest").digest, checkedAtMs: 1_795_000_000_123 };

    await fixture.catalog.recordTag(alpine, tagOf("latest"), "", record);

    assert.deepEqual(await fixture.catalog.tag(alpine, tagOf("latest"), ""), record);
    assert.equal(await fixture.catalog.tag(alpine, tagOf("Latest"), ""), null);
    assert.equal(await fixture.catalog.tag(busybox, tagOf("latest"), ""), null);
    assert.equal(await fixture.catalog.tag(alpineElsewhere, tagOf("latest"), ""), null);
  });

  test("a tag that moved means the new digest", async () => {
    await using fixture = await openFixture();
    const moved = { digest: blobRecord("new").digest, checkedAtMs: 2 };
    await fixture.catalog.recordTag(alpine, tagOf("latest"), "", {
      digest: blobRecord("old").digest,
      checkedAtMs: 1,
    });

    await fixture.catalog.recordTag(alpine, tagOf("latest"), "", moved);

    assert.deepEqual(await fixture.catalog.tag(alpine, tagOf("latest"), ""), moved);
  });

  test("a forgotten tag is gone, and no other", async () => {
    await using fixture = await openFixture();
    const record = { digest: blobRecord("manifest").digest, checkedAtMs: 1 };
    await fixture.catalog.recordTag(alpine, tagOf("latest"), "", record);
    await fixture.catalog.recordTag(alpine, tagOf("3"), "", record);
    await fixture.catalog.recordTag(busybox, tagOf("latest"), "", record);

    await fixture.catalog.forgetTag(alpine, tagOf("latest"), null);
    await fixture.catalog.forgetTag(alpineElsewhere, tagOf("latest"), null);

    assert.equal(await fixture.catalog.tag(alpine, tagOf("latest"), ""), null);
    assert.deepEqual(await fixture.catalog.tag(alpine, tagOf("3"), ""), record);
    assert.deepEqual(await fixture.catalog.tag(busybox, tagOf("latest"), ""), record);
  });

  test("each variant of a tag means a digest of its own, and all are forgotten together", async () => {
    await using fixture = await openFixture();
    const [full, other] = ["full", "other"].map((text, index) => {
      return { digest: blobRecord(text).digest, checkedAtMs: index };
    });
    assert.ok(full && other);
    await fixture.catalog.recordTag(alpine, tagOf("latest"), "", full);

    await fixture.catalog.recordTag(alpine, tagOf("latest"), "application/a", other);

    assert.deepEqual(await fixture.catalog.tag(alpine, tagOf("latest"), ""), full);
    assert.deepEqual(await fixture.catalog.tag(alpine, tagOf("latest"), "application/a"), other);
    assert.equal(await fixture.catalog.tag(alpine, tagOf("latest"), "application/b"), null);

    await fixture.catalog.forgetTag(alpine, tagOf("latest"), null);

    assert.equal(await fixture.catalog.tag(alpine, tagOf("latest"), ""), null);
    assert.equal(await fixture.catalog.tag(alpine, tagOf("latest"), "application/a"), null);
  });

  test("a fifth variant takes the place of the one checked longest ago, and never of the full one", async () => {
    await using fixture = await openFixture();
    const latest = tagOf("latest");
    const { digest } = blobRecord("manifest");
    const record = (variant: string, checkedAtMs: number): Promise<void> =>
      fixture.catalog.recordTag(alpine, latest, variant, { digest, checkedAtMs });
    await record("", 1);
    await fixture.catalog.recordTag(busybox, latest, "b", { digest, checkedAtMs: 1 });
    for (const [at, variant] of ["a", "b", "c", "d"].entries()) await record(variant, 10 + at);
    await record("a", 20);

    // The clock was put back: what is recorded now stays all the same.
    await record("e", 5);

    const kept = ["", "a", "b", "c", "d", "e"].map(async (variant) =>
      (await fixture.catalog.tag(alpine, latest, variant)) ? variant : "gone",
    );
    assert.deepEqual(await Promise.all(kept), ["", "a", "gone", "c", "d", "e"]);
    assert.ok(await fixture.catalog.tag(busybox, latest, "b"));
  });
}

function listSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("the tags of a repository are listed in byte order, page by page", async () => {
    await using fixture = await openFixture();
    const record = { digest: blobRecord("manifest").digest, checkedAtMs: 1 };
    for (const name of ["b", "latest", "B", "10", "9", "_x"]) {
      await fixture.catalog.recordTag(alpine, tagOf(name), "", record);
    }
    await fixture.catalog.recordTag(alpine, tagOf("b"), "application/a", record);
    await fixture.catalog.recordTag(alpine, tagOf("only-a-variant"), "application/a", record);
    await fixture.catalog.recordTag(busybox, tagOf("elsewhere"), "", record);

    assert.deepEqual(await fixture.catalog.tags(alpine, null, 3), ["10", "9", "B"]);
    assert.deepEqual(await fixture.catalog.tags(alpine, "B", 10), ["_x", "b", "latest"]);
    assert.deepEqual(await fixture.catalog.tags(alpine, "aa", 1), ["b"]);
    assert.deepEqual(await fixture.catalog.tags(alpine, "latest", 10), []);
    assert.deepEqual(await fixture.catalog.tags(alpineElsewhere, null, 10), []);
  });

  test("the repositories of an upstream that hold something are listed, page by page", async () => {
    await using fixture = await openFixture();
    const { digest } = blobRecord("layer");
    for (const name of ["b", "a/z", "a-b", "a"]) {
      await fixture.catalog.recordGrant(locationOf("docker.io", name), digest, 1);
    }
    await fixture.catalog.recordGrant(alpineElsewhere, digest, 1);
    await fixture.catalog.recordTag(busybox, tagOf("latest"), "", { digest, checkedAtMs: 1 });
    await fixture.catalog.forgetGrant(locationOf("docker.io", "b"), digest);

    assert.deepEqual(await fixture.catalog.repositories("docker.io", null, 2), ["a", "a-b"]);
    assert.deepEqual(await fixture.catalog.repositories("docker.io", "a-b", 10), ["a/z"]);
    assert.deepEqual(await fixture.catalog.repositories("quay.io", null, 10), []);
  });
}

function referrerSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("the referrers of a subject are what is stored and granted, in order of their digests", async () => {
    await using fixture = await openFixture();
    const subject = blobRecord("image").digest;
    const manifests = ["a", "b", "c", "d"].map((text) => manifestOf(text, [], subject));
    for (const manifest of manifests) await fixture.catalog.recordManifest(alpine, manifest, 1);
    const sorted = manifests.map(({ blob }) => blob.digest).sort();
    const [first] = sorted;
    assert.ok(first);
    await fixture.catalog.recordManifest(alpine, manifestOf("about nothing", []), 1);
    await fixture.catalog.recordManifest(busybox, manifestOf("elsewhere", [], subject), 1);

    assert.deepEqual(await fixture.catalog.referrers(alpine, subject, 10), sorted);
    assert.deepEqual(await fixture.catalog.referrers(alpine, subject, 2), sorted.slice(0, 2));
    assert.deepEqual(await fixture.catalog.referrers(alpine, first, 10), []);
    assert.deepEqual(await fixture.catalog.referrers(alpineElsewhere, subject, 10), []);

    await forgetContent(fixture.catalog, first);

    assert.deepEqual(await fixture.catalog.referrers(alpine, subject, 10), sorted.slice(1));
  });

  test("a manifest recorded again has its new subject", async () => {
    await using fixture = await openFixture();
    const [old, young] = [blobRecord("old").digest, blobRecord("young").digest];
    await fixture.catalog.recordManifest(alpine, manifestOf("manifest", [], old), 1);

    await fixture.catalog.recordManifest(alpine, manifestOf("manifest", [], young), 2);

    assert.deepEqual(await fixture.catalog.referrers(alpine, old, 10), []);
    assert.equal((await fixture.catalog.referrers(alpine, young, 10)).length, 1);
  });

  test("digests that a manifest names, and that are stored and not granted to its repository, are told", async () => {
    await using fixture = await openFixture();
    const [stored, granted, absent] = ["stored", "granted", "absent"].map((it) => blobRecord(it));
    assert.ok(stored && granted && absent);
    const manifest = manifestOf("manifest", [stored.digest, granted.digest, absent.digest]);
    await fixture.catalog.recordManifest(alpine, manifest, 1);
    await fixture.catalog.recordBlob(busybox, stored, 1);
    await fixture.catalog.recordBlob(alpine, granted, 1);

    const { digest } = manifest.blob;
    assert.deepEqual(await fixture.catalog.ungranted(alpine, digest), [stored.digest]);
    assert.deepEqual(await fixture.catalog.ungranted(busybox, digest), [granted.digest]);
    assert.deepEqual(
      await fixture.catalog.ungranted(alpineElsewhere, digest),
      [stored.digest, granted.digest].sort(),
    );
    assert.deepEqual(await fixture.catalog.ungranted(alpine, stored.digest), []);
  });
}

function scanSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("stored blobs are listed in order of their digests, page by page", async () => {
    await using fixture = await openFixture();
    const blobs = ["a", "b", "c", "d"].map((text) => blobRecord(text));
    const sha512 = { ...blobRecord("e"), digest: digestOf(Buffer.from("e"), "sha512") };
    for (const blob of [sha512, ...blobs]) await fixture.catalog.recordBlob(alpine, blob, 1);
    const sorted = blobs.toSorted((one, other) => (one.digest < other.digest ? -1 : 1));
    const [first, second] = sorted;
    assert.ok(first && second);

    assert.deepEqual(await fixture.catalog.blobs(null, 2), [first, second]);
    assert.deepEqual(await fixture.catalog.blobs(first.digest, 10), [...sorted.slice(1), sha512]);
    await fixture.catalog.forgetLost(first);
    assert.deepEqual(await fixture.catalog.blobs(first.digest, 1), [second]);
    assert.deepEqual(await fixture.catalog.blobs(sha512.digest, 10), []);
  });

  test("adopted content is stored, counted, and granted to nobody", async () => {
    await using fixture = await openFixture();
    const blob = blobRecord("found", 70);

    await fixture.catalog.adoptBlob(blob);

    assert.deepEqual(await fixture.catalog.blob(blob.digest), blob);
    assert.partialDeepStrictEqual(await fixture.catalog.usage(), { blobs: 1, bytes: 70 });
    assert.deepEqual(await fixture.catalog.repositories("docker.io", null, 10), []);
  });

  test("adopting what is recorded changes nothing", async () => {
    await using fixture = await openFixture();
    const manifest = manifestOf("manifest", [blobRecord("layer").digest]);
    await fixture.catalog.recordManifest(alpine, manifest, 1);

    await fixture.catalog.adoptBlob({ ...manifest.blob, sizeBytes: 1, identity: "adopted" });

    const { digest } = manifest.blob;
    assert.deepEqual(await fixture.catalog.blob(digest), manifest.blob);
    assert.equal(await fixture.catalog.manifestMediaType(digest), manifest.mediaType);
    assert.equal(await fixture.catalog.grantedAtMs(alpine, digest), 1);
  });

  test("a blob whose file was lost is forgotten, unless it was recorded anew meanwhile", async () => {
    await using fixture = await openFixture();
    const [lost, filled] = [blobRecord("lost"), blobRecord("filled again")];
    for (const blob of [lost, filled]) await fixture.catalog.recordBlob(alpine, blob, 1);
    const anew = { ...filled, identity: "of another file" };
    await fixture.catalog.recordBlob(alpine, anew, 2);

    for (const blob of [lost, filled]) await fixture.catalog.forgetLost(blob);

    assert.equal(await fixture.catalog.blob(lost.digest), null);
    assert.equal(await fixture.catalog.grantedAtMs(alpine, lost.digest), 1);
    assert.deepEqual(await fixture.catalog.blob(filled.digest), anew);
  });
}

const roomy: PullLogBounds = { pulls: 1000, images: 1000, sinceMs: 0 };

function pinSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("patterns are pinned until they are forgotten, since the first time", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;

    await catalog.recordPins([
      { pattern: "ghcr.io/*", pinnedAtMs: 1 },
      { pattern: "docker.io/*", pinnedAtMs: 2 },
    ]);
    await catalog.recordPins([{ pattern: "ghcr.io/*", pinnedAtMs: 3 }]);
    const both = await catalog.pins();
    await catalog.forgetPins(["docker.io/*", "never pinned"]);

    assert.deepEqual(both, [
      { pattern: "docker.io/*", pinnedAtMs: 2 },
      { pattern: "ghcr.io/*", pinnedAtMs: 1 },
    ]);
    assert.deepEqual(await catalog.pins(), [{ pattern: "ghcr.io/*", pinnedAtMs: 1 }]);
  });

  test("how many images patterns match is told, with the space that they take, each blob once", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    const layer = blobRecord("shared", 5000);
    const one = manifestOf("one", [layer.digest]);
    const other = manifestOf("other", [layer.digest]);
    await catalog.recordBlob(alpine, layer, 1);
    await catalog.recordManifest(alpine, one, 1);
    await catalog.recordManifest(busybox, other, 1);
    await catalog.recordTag(alpine, tagOf("1"), "", { digest: one.blob.digest, checkedAtMs: 1 });
    await catalog.recordTag(alpine, tagOf("2"), "", { digest: one.blob.digest, checkedAtMs: 1 });

    const patterns = ["docker.io/library/*", "*:2", "*busybox@*", "quay.io/*"];
    const { images, allocatedBytes } = await catalog.ask({ kind: "pinned", patterns });

    assert.deepEqual(images, [2, 1, 1, 0]);
    // A layer of two blocks, and two manifests of one.
    assert.equal(allocatedBytes, 4 * 4096);
  });
}

function scrubSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("how far the scrubber has come is known until it is recorded anew", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    const { digest } = blobRecord("layer");

    const before = await catalog.scrubRound();
    await catalog.recordScrubRound({ beganAtMs: 1, checkedTo: digest, isOver: false });
    const between = await catalog.scrubRound();
    await catalog.recordScrubRound({ beganAtMs: 2, checkedTo: null, isOver: true });

    assert.equal(before, null);
    assert.deepEqual(between, { beganAtMs: 1, checkedTo: digest, isOver: false });
    assert.deepEqual(await catalog.scrubRound(), { beganAtMs: 2, checkedTo: null, isOver: true });
  });
}

function pullLogSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("pulls are logged in their order, with what their images name", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    const [one, other] = [pullOf("one", 1), pullOf("other", 2, 2 ** 40)];

    await catalog.recordPulls(pullBatch([one, other]), roomy);
    const again = { atMs: 3, image: { ...one.image, members: null } };
    await catalog.recordPulls(pullBatch([again]), roomy);

    assert.equal(await catalog.isPulledImage(one.image.digest), true);
    assert.equal(await catalog.isPulledImage(blobRecord("never pulled").digest), false);
    assert.deepEqual(readable(await catalog.ask({ kind: "pulls", sinceMs: 0 })), [
      { atMs: 1, members: [{ prefix: prefixOf(one.image.digest), sizeBytes: 100 }] },
      { atMs: 2, members: [{ prefix: prefixOf(other.image.digest), sizeBytes: 2 ** 40 }] },
      { atMs: 3, members: [{ prefix: prefixOf(one.image.digest), sizeBytes: 100 }] },
    ]);
    assert.deepEqual(atMsOf(await catalog.ask({ kind: "pulls", sinceMs: 2 })), [2, 3]);
  });

  test("a pull of an image that the log of pulls does not know is left out, and those beside it are logged", async () => {
    await using fixture = await openFixture();
    const { image } = pullOf("unknown", 1);
    const unknown = { atMs: 1, image: { ...image, members: null } };

    await fixture.catalog.recordPulls(pullBatch([unknown, pullOf("known", 2)]), roomy);

    assert.deepEqual(atMsOf(await fixture.catalog.ask({ kind: "pulls", sinceMs: 0 })), [2]);
  });

  test("the log of pulls outlives its images", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    const manifest = manifestOf("manifest", []);
    const { digest } = manifest.blob;
    await catalog.recordManifest(alpine, manifest, 1);
    await catalog.recordPulls(pullBatch([pullOf("manifest", 1)]), roomy);
    const lastAtMs = (await catalog.access(digest))?.lastAtMs ?? 0;

    await catalog.evict({ latestAtMs: lastAtMs, digests: [digest] });

    assert.equal(await catalog.blob(digest), null);
    assert.deepEqual(atMsOf(await catalog.ask({ kind: "pulls", sinceMs: 0 })), [1]);
  });

  test("of pulls beyond the bound the oldest go, and images without pulls with them", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    const bounds = { ...roomy, pulls: 3 };
    const first = pullOf("0", 0);

    for (let at = 0; at < 5; at++) {
      await catalog.recordPulls(pullBatch([pullOf(`${at}`, at)]), bounds);
    }

    assert.deepEqual(atMsOf(await catalog.ask({ kind: "pulls", sinceMs: 0 })), [2, 3, 4]);
    assert.equal(await catalog.isPulledImage(first.image.digest), false);
  });

  test("of pulls older than the bound at most 200 go at a time", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    const many = Array.from({ length: 250 }, (_, at) => pullOf("image", at));
    await catalog.recordPulls(pullBatch(many), roomy);

    const bounds = { ...roomy, sinceMs: 1000 };
    await catalog.recordPulls(pullBatch([pullOf("image", 1000)]), bounds);
    const afterOne = (await catalog.ask({ kind: "pulls", sinceMs: 0 })).atMs.length;
    await catalog.recordPulls(pullBatch([pullOf("image", 1001)]), bounds);

    assert.equal(afterOne, 51);
    assert.deepEqual(atMsOf(await catalog.ask({ kind: "pulls", sinceMs: 0 })), [1000, 1001]);
  });

  test("the log of pulls has no more images than its bound", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;

    for (let at = 0; at < 20; at++) {
      await catalog.recordPulls(pullBatch([pullOf(`${at}`, at)]), { ...roomy, images: 5 });
    }

    const { memberEnds, atMs } = await catalog.ask({ kind: "pulls", sinceMs: 0 });
    assert.ok(memberEnds.length >= 3 && memberEnds.length <= 5, `${memberEnds.length} images`);
    assert.equal(atMs.at(-1), 19);
  });
}

function pullOf(text: string, atMs: number, sizeBytes = 100): PulledOnce {
  const { digest } = blobRecord(text);
  return { atMs, image: { digest, members: [{ digest, sizeBytes }] } };
}

function readable({ atMs, images, members, memberEnds }: LoggedPulls): unknown[] {
  return [...images].map((image, at) => ({
    atMs: atMs[at],
    members: unpackMembers(members.subarray(memberEnds[image - 1] ?? 0, memberEnds[image])),
  }));
}

function atMsOf({ atMs }: LoggedPulls): number[] {
  return [...atMs];
}

function publicSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("a repository is public since it was last seen so, until that is forgotten", async () => {
    await using fixture = await openFixture();
    await fixture.catalog.recordPublic(alpine, 1);

    await fixture.catalog.recordPublic(alpine, 2);
    await fixture.catalog.recordGrant(alpine, blobRecord("layer").digest, 7);
    await fixture.catalog.recordPublic(busybox, 3);

    assert.equal(await fixture.catalog.publicAtMs(alpine), 2);
    assert.equal(await fixture.catalog.publicAtMs(busybox), 3);
    assert.equal(await fixture.catalog.publicAtMs(alpineElsewhere), null);

    await fixture.catalog.forgetPublic(alpine);
    await fixture.catalog.forgetPublic(alpineElsewhere);

    assert.equal(await fixture.catalog.publicAtMs(alpine), null);
    assert.equal(await fixture.catalog.publicAtMs(busybox), 3);
  });
}

function historySuite(openFixture: () => Promise<CatalogFixture>): void {
  const [first, second] = [blobRecord("first").digest, blobRecord("second").digest];
  const latest = tagOf("latest");

  test("a tag moves when it is seen first, and when it means something else; the latest comes first", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    for (const [checkedAtMs, digest] of [
      [1, first],
      [2, first],
      [3, second],
      [4, first],
    ] as const) {
      await catalog.recordTag(alpine, latest, "", { digest, checkedAtMs });
    }
    await catalog.recordTag(busybox, latest, "", { digest: second, checkedAtMs: 9 });

    const moves = await catalog.tagMoves(alpine, latest, 10);

    assert.deepEqual(moves, [
      { atMs: 4, from: second, to: first },
      { atMs: 3, from: first, to: second },
      { atMs: 1, from: null, to: first },
    ]);
    assert.deepEqual(await catalog.tagMoves(alpine, latest, 1), moves.slice(0, 1));
    assert.deepEqual(await catalog.tagMoves(alpine, tagOf("other"), 10), []);
  });

  test("a tag that was forgotten and is the same again has not moved; other variants are no history", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    await catalog.recordTag(alpine, latest, "", { digest: first, checkedAtMs: 1 });
    await catalog.forgetTag(alpine, latest, null);

    await catalog.recordTag(alpine, latest, "", { digest: first, checkedAtMs: 2 });
    await catalog.recordTag(alpine, latest, "docker", { digest: second, checkedAtMs: 3 });

    assert.equal((await catalog.tagMoves(alpine, latest, 10)).length, 1);
  });

  test("of a tag that never rests the last hundred moves are kept", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    for (let at = 0; at < 105; at++) {
      const digest = at % 2 === 0 ? first : second;
      await catalog.recordTag(alpine, latest, "", { digest, checkedAtMs: at });
    }

    const moves = await catalog.tagMoves(alpine, latest, 1000);

    assert.deepEqual([moves.length, moves[0]?.atMs, moves.at(-1)?.atMs], [100, 104, 5]);
  });
}

function grantSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("a grant proven again has its new time, and needs no stored content", async () => {
    await using fixture = await openFixture();
    const { digest } = blobRecord("layer");
    await fixture.catalog.recordGrant(alpine, digest, 1);

    await fixture.catalog.recordGrant(alpine, digest, 2);

    assert.equal(await fixture.catalog.grantedAtMs(alpine, digest), 2);
    assert.equal(await fixture.catalog.blob(digest), null);
  });

  test("a forgotten grant is gone, and no other", async () => {
    await using fixture = await openFixture();
    const { digest } = blobRecord("layer");
    await fixture.catalog.recordGrant(alpine, digest, 1);
    await fixture.catalog.recordGrant(busybox, digest, 1);
    await fixture.catalog.recordGrant(alpineElsewhere, digest, 1);

    await fixture.catalog.forgetGrant(alpine, digest);

    assert.equal(await fixture.catalog.grantedAtMs(alpine, digest), null);
    assert.equal(await fixture.catalog.grantedAtMs(busybox, digest), 1);
    assert.equal(await fixture.catalog.grantedAtMs(alpineElsewhere, digest), 1);
  });
}

function evictionSuite(openFixture: () => Promise<CatalogFixture>): void {
  const layer = blobRecord("layer", 5000);
  const image = manifestOf("image", [layer.digest]);
  const index = manifestOf("index", [image.blob.digest, blobRecord("of another platform").digest]);
  const pull = { lastAtMs: 10, pulls: 3, priority: 1.5 };

  async function withIndex({ catalog }: CatalogFixture): Promise<Catalog> {
    await catalog.recordManifest(alpine, index, 1);
    await catalog.recordManifest(alpine, image, 1);
    await catalog.recordBlob(alpine, layer, 1);
    await catalog.recordTag(alpine, tagOf("latest"), "", {
      digest: index.blob.digest,
      checkedAtMs: 1,
    });
    const pulled = [index, image].map(({ blob }) => ({ ...pull, digest: blob.digest }));
    await catalog.recordAccesses(pulled);
    return catalog;
  }

  const digests = [index.blob.digest, image.blob.digest, layer.digest];

  test("pulls of manifests and loose blobs are recorded, and of nothing else", async () => {
    await using fixture = await openFixture();
    const catalog = await withIndex(fixture);
    const loose = blobRecord("loose");
    await catalog.recordBlob(alpine, loose, 1);
    const never = blobRecord("never recorded");

    const all = [loose, layer, never].map(({ digest }) => ({ ...pull, digest, priority: -1 }));
    await catalog.recordAccesses(all);

    assert.deepEqual(await catalog.access(index.blob.digest), pull);
    assert.deepEqual(await catalog.access(loose.digest), { ...pull, priority: -1 });
    assert.equal(await catalog.access(layer.digest), null);
    assert.equal(await catalog.access(never.digest), null);
    assert.equal(await catalog.lowestPriority(), -1);
  });

  test("an image is as large as what is stored of it, its children's included, each once", async () => {
    await using fixture = await openFixture();
    const catalog = await withIndex(fixture);
    const both = manifestOf("names both", [image.blob.digest, layer.digest]);
    await catalog.recordManifest(alpine, both, 1);

    const imageBytes = image.blob.sizeBytes + layer.sizeBytes;
    assert.equal(await catalog.imageBytes(image.blob.digest), imageBytes);
    assert.equal(await catalog.imageBytes(index.blob.digest), index.blob.sizeBytes + imageBytes);
    assert.equal(await catalog.imageBytes(both.blob.digest), both.blob.sizeBytes + imageBytes);
    assert.equal(await catalog.imageBytes(blobRecord("never recorded").digest), 0);
  });

  test("an evicted image goes with its tags, grants and accesses", async () => {
    await using fixture = await openFixture();
    const catalog = await withIndex(fixture);

    await catalog.evict({ latestAtMs: 10, digests });

    assert.deepEqual(await catalog.usage(), { blobs: 0, bytes: 0, allocatedBytes: 0 });
    assert.equal(await catalog.tag(alpine, tagOf("latest"), ""), null);
    for (const digest of digests) {
      assert.equal(await catalog.grantedAtMs(alpine, digest), null);
      assert.equal(await catalog.access(digest), null);
    }
  });

  test("nothing is evicted if any of it was pulled since it was chosen", async () => {
    await using fixture = await openFixture();
    const catalog = await withIndex(fixture);
    await catalog.recordAccesses([{ ...pull, digest: image.blob.digest, lastAtMs: 11 }]);

    await catalog.evict({ latestAtMs: 10, digests });

    assert.equal((await catalog.usage()).blobs, 3);
    assert.equal((await catalog.tag(alpine, tagOf("latest"), ""))?.digest, index.blob.digest);
  });

  test("content that something else names is not evicted, and keeps its grants", async () => {
    await using fixture = await openFixture();
    const catalog = await withIndex(fixture);
    await catalog.recordManifest(busybox, manifestOf("another", [layer.digest]), 1);

    await catalog.evict({ latestAtMs: 10, digests });

    assert.deepEqual(await catalog.blob(layer.digest), layer);
    assert.equal(await catalog.grantedAtMs(alpine, layer.digest), 1);
    assert.equal(await catalog.blob(image.blob.digest), null);
  });

  test("a layer whose manifest is lost can be evicted by itself", async () => {
    await using fixture = await openFixture();
    const catalog = await withIndex(fixture);

    await catalog.forgetLost(image.blob);

    assert.partialDeepStrictEqual(await catalog.access(layer.digest), { priority: 0 });
  });

  test("victims are chosen from what is recorded", async () => {
    await using fixture = await openFixture();
    const catalog = await withIndex(fixture);
    const request = {
      freeBytes: 1,
      idleSinceMs: null,
      pins: [],
      limit: 1,
      rest: "counted",
      named: true,
      arriving: { digests: [], pulledSinceMs: 0 },
    } as const;

    const { victims } = await catalog.ask({ kind: "victims", request });

    assert.deepEqual(
      victims.map(({ names, freed }) => [names[0], freed.map(({ digest }) => digest)]),
      [["docker.io/library/alpine:latest", digests]],
    );
  });
}
