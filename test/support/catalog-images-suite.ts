import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { type Digest, hexOf } from "../../src/oci/digest.ts";
import { imageName } from "../../src/oci/image-name.ts";
import type { Catalog, Location } from "../../src/storage/catalog.ts";
import type { ImageList, ImageListRequest } from "../../src/storage/images/image-list.ts";
import { blobRecord, type CatalogFixture, locationOf, tagOf } from "./catalog-suite.ts";

const app = locationOf("docker.io", "library/app");
const other = locationOf("ghcr.io", "owner/other");

const manifestType = "application/vnd.oci.image.manifest.v1+json";
const indexType = "application/vnd.oci.image.index.v1+json";

/** What every Catalog must list of images. */
export function catalogImagesSuite(name: string, openFixture: () => Promise<CatalogFixture>): void {
  suite(`${name} as a list of images`, () => {
    listSuite(openFixture);
    nearSuite(openFixture);
    overviewSuite(openFixture);
  });
}

function listSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("an image is listed under each of its tags, and by its digest where it has none", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    await record(catalog, app, { text: "tagged", tags: ["1", "latest"] });
    await record(catalog, other, { text: "untagged" });
    await catalog.recordGrant(app, digestOf("untagged"), 1);

    assert.deepEqual(namesIn(await catalog.ask({ kind: "images", request: byName })), [
      "docker.io/library/app:1",
      "docker.io/library/app:latest",
      `docker.io/library/app@${digestOf("untagged")}`,
      `ghcr.io/owner/other@${digestOf("untagged")}`,
    ]);
  });

  test("what goes with an image is not listed: its manifests, what is about it, other variants", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    await record(catalog, app, { text: "child" });
    await record(catalog, app, {
      text: "index",
      mediaType: indexType,
      names: ["child"],
      tags: ["1"],
    });
    await record(catalog, app, { text: "sbom", subject: "index" });
    await record(catalog, app, {
      text: "signature",
      tags: [`sha256-${hexOf(digestOf("index"))}.sig`],
    });
    await catalog.recordTag(app, tagOf("1"), "docker", {
      digest: digestOf("child"),
      checkedAtMs: 1,
    });

    assert.deepEqual(namesIn(await catalog.ask({ kind: "images", request: byName })), [
      "docker.io/library/app:1",
    ]);
  });

  test("a listed image tells what is here of it, and how much of that others name too", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    await recordBlob(catalog, "base", 1000);
    await recordBlob(catalog, "own", 200);
    await record(catalog, app, { text: "child", names: ["base", "own", "lost"], sizeBytes: 30 });
    await record(catalog, app, {
      text: "index",
      mediaType: indexType,
      names: ["child", "not pulled"],
      tags: ["1"],
      sizeBytes: 4,
    });
    await record(catalog, other, { text: "sharing", names: ["base"], tags: ["1"], sizeBytes: 7 });
    await pulled(catalog, "index", { lastAtMs: 5, pulls: 9 });
    await pulled(catalog, "child", { lastAtMs: 8, pulls: 2 });

    const { images } = await catalog.ask({ kind: "images", request: byName });

    assert.partialDeepStrictEqual(images, [
      {
        ...app,
        digest: digestOf("index"),
        mediaType: indexType,
        sizeBytes: 1234,
        sharedBytes: 1000,
        missing: 1,
        manifests: { stored: [digestOf("child")], named: 2 },
        lastAtMs: 8,
        pulls: 9,
      },
      { ...other, mediaType: manifestType, sizeBytes: 1007, sharedBytes: 1000, missing: 0 },
    ]);
  });

  test("layers that the platforms of an image share among them are its own", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    await recordBlob(catalog, "base", 1000);
    for (const text of ["amd64", "arm64"]) await record(catalog, app, { text, names: ["base"] });
    const names = ["amd64", "arm64"];
    await record(catalog, app, { text: "index", mediaType: indexType, names, tags: ["1"] });

    const [image] = (await catalog.ask({ kind: "images", request: byName })).images;

    assert.equal(image?.sharedBytes, 0);
    assert.equal(image?.sizeBytes, 1015);
  });

  test("a tag whose manifest is lost is listed, and nothing is said of it", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    await catalog.recordTag(app, tagOf("1"), "", { digest: digestOf("lost"), checkedAtMs: 1 });

    const [image] = (await catalog.ask({ kind: "images", request: byName })).images;

    assert.partialDeepStrictEqual(image, { mediaType: null, sizeBytes: 0, lastAtMs: 0, pulls: 0 });
  });

  test("manifests that name each other end", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    const mediaType = indexType;
    await record(catalog, app, { text: "one", mediaType, names: ["two", "one"], tags: ["1"] });
    await record(catalog, app, { text: "two", mediaType, names: ["one"] });

    const [image] = (await catalog.ask({ kind: "images", request: byName })).images;

    assert.equal(image?.sizeBytes, 6);
  });

  test("images are sorted by name, or with the largest, latest and most pulled first", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    for (const [text, sizeBytes, lastAtMs, pulls] of [
      ["a", 20, 3, 100],
      ["b", 30, 1, 200],
      ["c", 10, 2, 300],
    ] as const) {
      await record(catalog, app, { text, tags: [text], sizeBytes });
      await pulled(catalog, text, { lastAtMs, pulls });
    }
    const tagsBy = async (sort: ImageListRequest["sort"]): Promise<string> =>
      (await catalog.ask({ kind: "images", request: { ...byName, sort } })).images
        .map(({ reference }) => reference.kind === "tag" && reference.tag)
        .join("");

    assert.equal(await tagsBy("name"), "abc");
    assert.equal(await tagsBy("size"), "bac");
    assert.equal(await tagsBy("pulled"), "acb");
    assert.equal(await tagsBy("pulls"), "cba");
  });

  test("pages follow each other by a cursor, in any order, and know how many match", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    for (const tag of ["a", "b", "c", "d", "e"]) {
      await record(catalog, app, { text: tag, tags: [tag], sizeBytes: tag < "c" ? 1 : 2 });
    }
    await record(catalog, other, { text: "other", tags: ["1"] });

    const pages: string[][] = [];
    let after: ImageListRequest["after"] = null;
    do {
      const request = { glob: "*/app:*", sort: "size", limit: 2, after } as const;
      const page: ImageList = await catalog.ask({ kind: "images", request });
      assert.equal(page.matched, 5);
      pages.push(namesIn(page).map((name) => name.slice(-1)));
      after = page.next;
    } while (after);

    assert.deepEqual(pages, [["c", "d"], ["e", "a"], ["b"]]);
  });
}

function nearSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("who mistypes a name is told what is near: tags first, then other upstreams, then names", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    await record(catalog, app, { text: "app", tags: ["3.20", "3.19", "latest"] });
    await record(catalog, locationOf("ghcr.io", "library/app"), { text: "app", tags: ["3.20"] });
    await record(catalog, locationOf("docker.io", "library/apps"), { text: "app", tags: ["3.20"] });
    await record(catalog, other, { text: "far away", tags: ["3.20"] });
    const near = async (repository: string, tag: string): Promise<readonly string[]> =>
      await catalog.ask({
        kind: "near",
        wanted: {
          ...locationOf("docker.io", repository),
          reference: { kind: "tag", tag: tagOf(tag) },
        },
      });

    assert.deepEqual(await near("library/app", "3.21"), [
      "docker.io/library/app:3.20",
      "docker.io/library/app:3.19",
      "docker.io/library/app:latest",
      "ghcr.io/library/app:3.20",
      "docker.io/library/apps:3.20",
    ]);
    assert.equal((await near("library/ap", "3.20"))[0], "docker.io/library/app:3.20");
    assert.equal((await near("owner/app", "3.20"))[0], "docker.io/library/app:3.20");
    assert.deepEqual(await near("nothing/like-it", "3.20"), []);
  });
}

function overviewSuite(openFixture: () => Promise<CatalogFixture>): void {
  test("content of an upstream is counted once, though several of its repositories have it", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    const twin = locationOf("docker.io", "library/twin");
    await record(catalog, app, { text: "image", sizeBytes: 5_000 });
    await recordBlob(catalog, "layer", 4_096);
    await catalog.recordGrant(twin, digestOf("layer"), 1);
    await catalog.recordGrant(other, digestOf("layer"), 1);
    await catalog.adoptBlob(blobRecord("found", 5_000));

    assert.deepEqual(await catalog.ask({ kind: "upstreams" }), [
      { upstream: "docker.io", blobs: 2, bytes: 8_192 + 4_096 },
      { upstream: null, blobs: 1, bytes: 8_192 },
      { upstream: "ghcr.io", blobs: 1, bytes: 4_096 },
    ]);
  });

  test("the latest moves of all tags are told, without those that were seen for the first time", async () => {
    await using fixture = await openFixture();
    const { catalog } = fixture;
    const moveTo = (location: Location, text: string, checkedAtMs: number): Promise<void> =>
      catalog.recordTag(location, tagOf("1"), "", { digest: digestOf(text), checkedAtMs });
    await moveTo(app, "a", 1);
    await moveTo(other, "b", 2);
    await moveTo(app, "c", 3);
    await moveTo(other, "d", 4);
    await moveTo(app, "e", 5);

    const moves = await catalog.ask({ kind: "moves", limit: 2 });

    assert.deepEqual(moves, [
      { name: "docker.io/library/app:1", atMs: 5, from: digestOf("c"), to: digestOf("e") },
      { name: "ghcr.io/owner/other:1", atMs: 4, from: digestOf("b"), to: digestOf("d") },
    ]);
  });
}

const byName: ImageListRequest = { glob: null, sort: "name", limit: 100, after: null };

interface Made {
  readonly text: string;
  readonly mediaType?: string;
  readonly names?: readonly string[];
  readonly subject?: string;
  readonly tags?: readonly string[];
  readonly sizeBytes?: number;
}

async function record(catalog: Catalog, location: Location, made: Made): Promise<void> {
  const { text, mediaType = manifestType, names = [], subject, tags = [], sizeBytes } = made;
  const manifest = {
    blob: blobRecord(text, sizeBytes),
    mediaType,
    references: names.map(digestOf),
    subject: subject === undefined ? null : digestOf(subject),
  };
  await catalog.recordManifest(location, manifest, 1);
  for (const tag of tags) {
    await catalog.recordTag(location, tagOf(tag), "", { digest: digestOf(text), checkedAtMs: 1 });
  }
  await pulled(catalog, text, { lastAtMs: 0, pulls: 0 });
}

async function recordBlob(catalog: Catalog, text: string, sizeBytes: number): Promise<void> {
  await catalog.recordBlob(app, blobRecord(text, sizeBytes), 1);
}

async function pulled(
  catalog: Catalog,
  text: string,
  access: { lastAtMs: number; pulls: number },
): Promise<void> {
  await catalog.recordAccesses([{ digest: digestOf(text), ...access, priority: 0 }]);
}

function digestOf(text: string): Digest {
  return blobRecord(text).digest;
}

function namesIn({ images }: ImageList): string[] {
  return images.map(({ upstream, repository, reference }) =>
    imageName({ upstream, repository }, reference),
  );
}
