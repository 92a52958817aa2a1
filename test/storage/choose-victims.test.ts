import assert from "node:assert/strict";
import { suite, test } from "node:test";
import { allocatedBytes } from "../../src/storage/eviction/eviction.ts";
import {
  digestNamed,
  HandMadeCatalog,
  type MadeManifest,
  tagAbout,
} from "../support/hand-made-catalog.ts";
import { SeededRandom, seedOfRun } from "../support/seeded-random.ts";

const everything = { freeBytes: Number.MAX_SAFE_INTEGER };

/** As much as one thing takes. */
const block = { freeBytes: 1 };

suite("what goes with an image", () => {
  test("an index goes with its children, their configs and layers", () => {
    using catalog = new HandMadeCatalog();
    addIndex(catalog);

    assert.deepEqual(catalog.goes(block), { index: ["amd64", "arm64", "base", "config", "top"] });
  });

  test("an index goes though its child was pulled later, as clients do", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("index", { names: ["amd64"], atMs: 100, priority: 1, tags: ["latest"] });
    catalog.manifest("amd64", { names: ["layer"], atMs: 200, priority: 2 });
    catalog.blob("layer");

    const plan = catalog.plan(block);
    catalog.apply(plan);

    assert.deepEqual(catalog.stored(), []);
    assert.equal(plan.victims[0]?.lastAtMs, 200);
  });

  test("what another image names stays until the last of them goes", () => {
    using catalog = new HandMadeCatalog();
    for (const [at, name] of ["a", "b", "c"].entries()) {
      catalog.manifest(name, { names: ["base", `top of ${name}`], atMs: at });
      catalog.blob(`top of ${name}`);
    }
    catalog.blob("base", { sizeBytes: 5000 });

    assert.deepEqual(catalog.goes(everything), {
      a: ["top of a"],
      b: ["top of b"],
      c: ["base", "top of c"],
    });
    const [first] = catalog.plan(everything).victims;
    assert.deepEqual(first?.kept, { objects: 1, bytes: 8192, sharedWith: 2 });
  });

  test("a child with a tag of its own stays, and goes in the same plan if more is needed", () => {
    using catalog = new HandMadeCatalog();
    addIndex(catalog);
    catalog.tag("latest-arm64", "arm64");

    assert.deepEqual(catalog.goes(block), { index: ["amd64", "top"] });
    assert.deepEqual(catalog.goes(everything), {
      index: ["amd64", "top"],
      arm64: ["base", "config"],
    });
  });

  test("what signs an image goes with it and not before, however it says so", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("image", { atMs: 100, tags: ["latest"] });
    catalog.manifest("by subject", { subject: "image", names: ["payload"] });
    catalog.blob("payload");
    catalog.manifest("about that", { subject: "by subject" });
    catalog.manifest("by tag", { tags: [tagAbout("image")] });
    catalog.manifest("referrers", { tags: [tagAbout("image", "")] });
    catalog.manifest("other", { atMs: 50 });

    assert.deepEqual(catalog.goes(block), { other: [] });
    assert.deepEqual(catalog.goes(everything), {
      other: [],
      image: ["about that", "by subject", "by tag", "payload", "referrers"],
    });
  });

  test("what is about two images goes with the last of them", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("a", { atMs: 1 });
    catalog.manifest("b", { atMs: 2 });
    catalog.manifest("about both", { subject: "a", tags: [tagAbout("b", ".sbom")] });

    assert.deepEqual(catalog.goes(everything), { a: [], b: ["about both"] });
  });

  test("a signature with a tag of its own, or of an image that is not here, goes by itself", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("image", { atMs: 100 });
    catalog.manifest("tagged", { subject: "image", tags: ["v1-sbom"], atMs: 1 });
    catalog.manifest("orphan", { subject: "not here", atMs: 2 });
    catalog.manifest("orphan by tag", { tags: [tagAbout("not here either")], atMs: 3 });

    assert.deepEqual(Object.keys(catalog.goes({ freeBytes: 3 * 4096 })), [
      "tagged",
      "orphan",
      "orphan by tag",
    ]);
  });

  test("an attestation that an index lists stays while what it is about does", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("index", { names: ["image", "attestation"] });
    catalog.manifest("image", { tags: ["v1"], atMs: 0 });
    catalog.manifest("attestation", { subject: "image" });

    assert.deepEqual(catalog.goes(block), { index: [] });
    assert.deepEqual(catalog.goes(everything), { index: [], image: ["attestation"] });
  });

  test("a manifest whose index came later goes with that", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("child", { names: ["layer"], atMs: 1 });
    catalog.blob("layer");
    catalog.manifest("index", { names: ["child"], atMs: 2 });

    assert.deepEqual(catalog.goes(block), { index: ["child", "layer"] });
  });

  test("blobs that no manifest names go by themselves", () => {
    using catalog = new HandMadeCatalog();
    catalog.blob("loose", { atMs: 1 });
    catalog.manifest("image", { names: ["layer"], atMs: 2 });
    catalog.blob("layer");

    const { victims } = catalog.plan(everything);

    assert.deepEqual(catalog.goes(everything), { loose: [], image: ["layer"] });
    assert.deepEqual(
      victims.map(({ kind }) => kind),
      ["blob", "image"],
    );
  });

  // Without a row of accesses nothing would find them again.
  test("layers whose manifest was lost, or went before they came, go by themselves", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("image", { names: ["layer", "late"] });
    catalog.blob("layer");
    const plan = catalog.plan(everything);
    catalog.blob("late");
    catalog.apply(plan);

    assert.deepEqual(catalog.goes(everything), { late: [] });
  });
});

suite("what would wait for itself", () => {
  test("an index that is about its own child, and manifests about each other, go all the same", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("child", { names: ["layer"] });
    catalog.blob("layer");
    catalog.manifest("about its child", { names: ["child"], subject: "child" });
    catalog.manifest("about itself", { tags: [tagAbout("about itself")] });
    catalog.manifest("one", { tags: [tagAbout("other")] });
    catalog.manifest("other", { tags: [tagAbout("one")] });
    catalog.manifest("about its layer", { names: ["its layer"], tags: [tagAbout("its layer")] });
    catalog.blob("its layer");

    catalog.apply(catalog.plan(everything));

    assert.deepEqual(catalog.stored(), []);
  });

  // Each level has two manifests that name both of the level below: 2^40 ways from the top to the bottom.
  test("indexes that name the same ones over and over are walked once", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("0 left");
    catalog.manifest("0 right");
    for (let level = 1; level <= 40; level++) {
      const names = [`${level - 1} left`, `${level - 1} right`];
      for (const side of ["left", "right"]) catalog.manifest(`${level} ${side}`, { names });
    }

    catalog.apply(catalog.plan(everything));

    assert.deepEqual(catalog.stored(), []);
  });

  test("indexes within indexes, a thousand deep, do not overflow the stack", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("0");
    for (let at = 1; at <= 1000; at++) catalog.manifest(`${at}`, { names: [`${at - 1}`] });

    catalog.apply(catalog.plan(everything));

    assert.deepEqual(catalog.stored(), []);
  });
});

suite("the order in which images go", () => {
  test("is that of their priorities, and of equals the one that was pulled longer ago goes first", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("third", { priority: 2, atMs: 1 });
    catalog.manifest("second", { priority: 1, atMs: 3 });
    catalog.manifest("first", { priority: 1, atMs: 2 });

    assert.deepEqual(Object.keys(catalog.goes(everything)), ["first", "second", "third"]);
  });

  test("an index counts as the child that is worth most", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("index", { names: ["old", "new"], priority: 1 });
    catalog.manifest("old", { priority: 2 });
    catalog.manifest("new", { priority: 9 });
    catalog.manifest("image", { priority: 5 });

    assert.deepEqual(Object.keys(catalog.goes(everything)), ["image", "index"]);
  });

  test("goes on until enough is free, in whole blocks, and no further", () => {
    using catalog = new HandMadeCatalog();
    for (let at = 0; at < 1200; at++) catalog.manifest(`${at}`, { sizeBytes: 1, atMs: at });

    assert.equal(catalog.plan({ freeBytes: 700 * 4096 }).victims.length, 700);
    assert.equal(catalog.plan({ freeBytes: 700 * 4096 + 1 }).freedBytes, 701 * 4096);
    assert.equal(catalog.plan({ freeBytes: 0 }).victims.length, 0);
  });
});

suite("a plan of more than it tells of", () => {
  test("counts the others, or leaves them for the next plan", () => {
    using catalog = new HandMadeCatalog();
    for (let at = 0; at < 5; at++) catalog.manifest(`${at}`, { names: [`of ${at}`], atMs: at });
    for (let at = 0; at < 5; at++) catalog.blob(`of ${at}`);
    catalog.blob("loose", { atMs: 9 });

    const counted = catalog.plan({ ...everything, limit: 2 });
    const left = catalog.plan({ ...everything, limit: 2, rest: "left" });

    const totals = { images: 5, blobs: 1, objects: 11, freedBytes: 11 * 4096 };
    assert.partialDeepStrictEqual(counted, totals);
    assert.partialDeepStrictEqual(left, { images: 2, blobs: 0, objects: 4, freedBytes: 4 * 4096 });
    assert.deepEqual(left.victims, counted.victims);
    assert.equal(left.victims.length, 2);
  });

  test("leaves what is idle, too", () => {
    using catalog = new HandMadeCatalog();
    for (let at = 0; at < 5; at++) catalog.manifest(`${at}`, { atMs: at });

    const plan = catalog.plan({ idleSinceMs: 9, limit: 2, rest: "left" });

    assert.equal(plan.victims.length, 2);
  });
});

suite("an image of which something is arriving", () => {
  const digests = [digestNamed("missing")];

  test("stays, and so does its index, if it was pulled of late", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("index", { names: ["image"], atMs: 5 });
    catalog.manifest("image", { names: ["missing", "layer"], atMs: 5 });
    catalog.blob("layer");
    catalog.manifest("other", { names: ["layer"], atMs: 9 });
    const arriving = { digests, pulledSinceMs: 5 };

    assert.deepEqual(catalog.goes({ ...everything, arriving }), { other: [] });
    assert.equal(catalog.plan({ ...everything, arriving }).arriving, 1);
    assert.equal(catalog.plan({ freeBytes: 1, arriving }).images, 1);
  });

  test("goes if nobody pulled it for so long: somebody else pulls what it shares with that", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("image", { names: ["missing"], atMs: 4 });

    const plan = catalog.plan({ ...everything, arriving: { digests, pulledSinceMs: 5 } });

    assert.equal(plan.images, 1);
    assert.equal(plan.arriving, 0);
  });
});

suite("what is idle", () => {
  test("goes whatever the room, and nothing that was pulled since", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("idle", { atMs: 99 });
    catalog.manifest("just not", { atMs: 100 });

    const { victims } = catalog.plan({ idleSinceMs: 100 });

    assert.deepEqual(catalog.goes({ idleSinceMs: 100 }), { idle: [] });
    assert.equal(victims[0]?.reason, "idle");
  });

  test("is no index of which any child was pulled, whatever the priority of the others", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("index", { names: ["amd64", "arm64"], atMs: 1, priority: 1 });
    catalog.manifest("amd64", { atMs: 2, priority: 9 });
    catalog.manifest("arm64", { atMs: 300, priority: 2 });

    assert.deepEqual(catalog.goes({ idleSinceMs: 100 }), {});
  });
});

suite("what is pinned", () => {
  const pinned = "hub.test/pinned";

  test("stays by its tag, its repository or its digest, with all that it names and what is about it", () => {
    for (const pin of [`${pinned}:v*`, pinned, `${pinned}@sha256:*`]) {
      using catalog = new HandMadeCatalog();
      addIndex(catalog, { repository: "pinned", tags: ["v1"] });
      catalog.manifest("signature", { subject: "index" });
      catalog.manifest("other", { atMs: 1 });

      const plan = catalog.plan({ ...everything, pins: [pin] });

      assert.deepEqual(Object.keys(catalog.goes({ ...everything, pins: [pin] })), ["other"], pin);
      assert.equal(plan.pinned.roots, 1);
    }
  });

  test("stays though it is the child of an index that goes", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("index", { names: ["amd64", "arm64"], tags: ["latest"] });
    catalog.manifest("amd64", { names: ["layer"], repository: "pinned" });
    catalog.manifest("arm64");
    catalog.blob("layer");

    catalog.apply(catalog.plan({ ...everything, pins: [pinned] }));

    assert.deepEqual(catalog.stored(), ["amd64", "layer"]);
  });
});

suite("an eviction that is carried out late", () => {
  test("does nothing if anything of it was pulled meanwhile", () => {
    using catalog = new HandMadeCatalog();
    addIndex(catalog);
    const plan = catalog.plan(everything);
    const before = catalog.stored();

    catalog.manifest("arm64", { names: ["config", "base"], atMs: 1000 });
    catalog.apply(plan);

    assert.deepEqual(catalog.stored(), before);
  });

  test("does not mind that a signature was pulled after the image", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("image", { atMs: 100 });
    catalog.manifest("signature", { subject: "image", atMs: 200 });

    catalog.apply(catalog.plan(everything));

    assert.deepEqual(catalog.stored(), []);
  });

  test("leaves what something new names, and what is about that", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("image", { names: ["layer"] });
    catalog.blob("layer");
    catalog.manifest("signature", { subject: "image" });
    const plan = catalog.plan(everything);

    catalog.manifest("index", { names: ["image"] });
    catalog.apply(plan);

    assert.deepEqual(catalog.stored(), ["image", "index", "layer", "signature"]);
  });

  test("leaves a layer that another image names since", () => {
    using catalog = new HandMadeCatalog();
    catalog.manifest("image", { names: ["layer", "top"] });
    catalog.blob("layer");
    catalog.blob("top");
    const plan = catalog.plan(everything);

    catalog.manifest("other", { names: ["layer"] });
    catalog.apply(plan);

    assert.deepEqual(catalog.stored(), ["layer", "other"]);
  });
});

const seed = seedOfRun();

test(`random catalogs lose what a naive model says (SLUICE_TEST_SEED=${seed})`, () => {
  for (let at = 0; at < 60; at++) {
    const random = new SeededRandom(seed + at);
    using catalog = new HandMadeCatalog();
    const model = new Model(random);
    model.addTo(catalog);
    const pins = random.next() < 0.5 ? ["hub.test/pinned"] : [];
    const story = `seed ${seed} + ${at}`;

    const all = catalog.plan({ ...everything, pins });
    const freeBytes = random.between(1, 60) * 4096;
    const some = catalog.plan({ freeBytes, pins });

    const total = Math.min(freeBytes, all.freedBytes);
    assert.ok(some.freedBytes >= total, `${some.freedBytes} of ${total}, ${story}`);
    const beforeLast = some.freedBytes - (some.victims.at(-1)?.freedBytes ?? 0);
    assert.ok(beforeLast < freeBytes, `went on for nothing, ${story}`);
    catalog.apply(some);
    assertAccounts(catalog, story);
    model.assertWhole(new Set(catalog.stored()), story);
    const limit = random.between(1, 5);
    for (let portion = some; portion.objects > 0; catalog.apply(portion)) {
      portion = catalog.plan({ ...everything, pins, limit, rest: "left" });
    }
    assertAccounts(catalog, story);
    assert.deepEqual(catalog.stored(), pins.length > 0 ? model.keptFor("pinned") : [], story);
  }
});

interface ModelManifest extends MadeManifest {
  readonly names: readonly string[];
  readonly about: readonly string[];
  readonly hasOwnTag: boolean;
}

/** Images, indexes and artifacts as they come: sets, and walks from what must stay. */
class Model {
  readonly #blobs = new Map<string, { sizeBytes: number; repository: string; atMs: number }>();
  readonly #manifests = new Map<string, ModelManifest>();
  readonly #random: SeededRandom;

  constructor(random: SeededRandom) {
    this.#random = random;
    for (let at = 0; at < 25; at++) this.#blobs.set(`blob ${at}`, this.#pulled());
    for (let at = 0; at < 12; at++) this.#addManifest(`image ${at}`, [...this.#blobs.keys()], 4);
    const images = [...this.#manifests.keys()];
    for (let at = 0; at < 5; at++) this.#addArtifact(`artifact ${at}`);
    for (let at = 0; at < 6; at++) {
      this.#addManifest(`index ${at}`, [...this.#manifests.keys(), ...images], 3);
    }
  }

  addTo(catalog: HandMadeCatalog): void {
    const things = [...this.#blobs.keys(), ...this.#manifests.keys()];
    for (const name of things.toSorted(() => this.#random.next() - 0.5)) {
      const manifest = this.#manifests.get(name);
      if (manifest) catalog.manifest(name, manifest);
      else catalog.blob(name, this.#blobs.get(name));
    }
  }

  /** Nothing that stays lacks what it names, or what is about it. */
  assertWhole(stored: ReadonlySet<string>, story: string): void {
    for (const [name, { names, about, hasOwnTag }] of this.#manifests) {
      if (stored.has(name)) {
        for (const one of names) assert.ok(stored.has(one), `${name} lacks ${one}, ${story}`);
      } else if (!hasOwnTag) {
        const left = about.filter((one) => stored.has(one));
        assert.deepEqual(left, [], `${name} went before that, ${story}`);
      }
    }
  }

  /** What must stay, if everything else goes, for what is pinned. */
  keptFor(repository: string): string[] {
    const kept = new Set(this.#inRepository(repository));
    for (let before = -1; before < kept.size; ) {
      before = kept.size;
      this.#keepWhatGoesWith(kept);
    }
    return [...kept].toSorted();
  }

  #keepWhatGoesWith(kept: Set<string>): void {
    for (const [name, manifest] of this.#manifests) {
      if (isCompanion(manifest, kept)) kept.add(name);
      if (kept.has(name)) for (const one of manifest.names) kept.add(one);
    }
  }

  #inRepository(repository: string): string[] {
    const named = new Set([...this.#manifests.values()].flatMap(({ names }) => names));
    const loose = [...this.#blobs].filter(([name]) => !named.has(name));
    return [...loose, ...this.#manifests].flatMap(([name, made]) =>
      made.repository === repository ? name : [],
    );
  }

  #addManifest(name: string, choice: readonly string[], most: number): void {
    const names = this.#some(choice, most);
    const hasOwnTag = this.#random.next() < 0.4;
    const tags = hasOwnTag ? [`v${this.#manifests.size}`] : [];
    this.#manifests.set(name, { ...this.#pulled(), names, tags, hasOwnTag, about: [] });
  }

  #addArtifact(name: string): void {
    const about = this.#some([...this.#manifests.keys()], 2);
    const [subject, byTag] = about;
    const hasOwnTag = this.#random.next() < 0.2;
    this.#manifests.set(name, {
      ...this.#pulled(),
      names: this.#some([...this.#blobs.keys()], 2),
      ...(subject === undefined ? {} : { subject }),
      tags: [
        ...(byTag === undefined ? [] : [tagAbout(byTag, `.x${this.#manifests.size}`)]),
        ...(hasOwnTag ? [`own${this.#manifests.size}`] : []),
      ],
      hasOwnTag,
      about,
    });
  }

  #some(choice: readonly string[], most: number): string[] {
    const count = this.#random.between(0, most);
    return [...new Set(Array.from({ length: count }, () => this.#random.pick(choice)))];
  }

  #pulled(): { sizeBytes: number; atMs: number; priority: number; repository: string } {
    return {
      sizeBytes: this.#random.between(1, 20_000),
      atMs: this.#random.between(0, 1000),
      priority: this.#random.between(0, 20),
      repository: this.#random.next() < 0.15 ? "pinned" : "images",
    };
  }
}

function isCompanion({ about, hasOwnTag }: ModelManifest, kept: ReadonlySet<string>): boolean {
  return !hasOwnTag && about.some((one) => kept.has(one));
}

/** What the catalog keeps count of is what one counts. */
function assertAccounts({ database }: HandMadeCatalog, story: string): void {
  const sizes = database.prepare("SELECT size_bytes FROM blobs").pluck().all() as number[];
  assert.deepEqual(
    database.prepare("SELECT blobs, bytes, allocated_bytes FROM totals").get(),
    {
      blobs: sizes.length,
      bytes: sizes.reduce((sum, size) => sum + size, 0),
      allocated_bytes: sizes.reduce((sum, size) => sum + allocatedBytes(size), 0),
    },
    story,
  );
  const wrong = database.prepare(
    `SELECT hex(digest) FROM blobs WHERE named_by <>
       (SELECT count(*) FROM manifest_references WHERE referenced = digest)`,
  );
  assert.deepEqual(wrong.all(), [], `named_by, ${story}`);
  const misled = database.prepare(
    `SELECT hex(digest) FROM accesses JOIN blobs USING (digest) WHERE named <> (named_by > 0)`,
  );
  assert.deepEqual(misled.all(), [], `named, ${story}`);
  const overlooked = database.prepare(
    `SELECT hex(digest) FROM blobs
     WHERE has_access <> EXISTS (SELECT 1 FROM accesses WHERE accesses.digest = blobs.digest)`,
  );
  assert.deepEqual(overlooked.all(), [], `has_access, ${story}`);
  const lost = database.prepare(
    `SELECT hex(digest) FROM blobs WHERE digest NOT IN (SELECT digest FROM accesses)
       AND (named_by = 0 OR digest IN (SELECT digest FROM manifests))`,
  );
  assert.deepEqual(lost.all(), [], `would never go, ${story}`);
}

function addIndex(catalog: HandMadeCatalog, made: MadeManifest = { tags: ["latest"] }): void {
  catalog.manifest("index", { names: ["amd64", "arm64"], ...made });
  catalog.manifest("amd64", { names: ["config", "base", "top"] });
  catalog.manifest("arm64", { names: ["config", "base"] });
  for (const blob of ["config", "base", "top"]) catalog.blob(blob);
}
