import assert from "node:assert/strict";
import { test } from "node:test";
import { pino } from "pino";
import { Behind } from "../../src/mirror/behind.ts";
import { RecentTrouble } from "../../src/mirror/recent-trouble.ts";
import { Proofs } from "../../src/mirror/rights/proofs.ts";
import { PullRights } from "../../src/mirror/rights/pull-rights.ts";
import type { FreshnessPolicy } from "../../src/mirror/tags/freshness.ts";
import type { Repository } from "../../src/oci/repository.ts";
import { SqliteCatalog } from "../../src/storage/catalog/sqlite-catalog.ts";
import { UpstreamError, type UpstreamFailure } from "../../src/upstream/upstream-error.ts";
import type { Target } from "../../src/upstream/upstreams.ts";
import { storageDirectory } from "../storage/storage-directory.ts";
import { unaskedUpstream } from "../support/unasked-upstream.ts";

const hourMs = 3_600_000;
const repository = "team/app" as Repository;
const refused: UpstreamFailure = { kind: "refused", status: 401, words: "", mirror: null };
const down: UpstreamFailure = { kind: "unreachable", reason: "ECONNREFUSED" };

test("where our own right counts nobody is asked, and everything is listed", async () => {
  await using scene = await Scene.start();
  scene.fails(refused);

  assert.equal(await scene.mayPull(ours), true);
  assert.equal(await scene.isListed(ours), true);
  assert.equal(scene.asked, 0);
});

test("where only what is public is served, upstream is asked as nobody, and once in half of grantTtl", async () => {
  await using scene = await Scene.start();

  assert.equal(await scene.isListed(), false, "before it is known");
  for (const ageMs of [0, 1, 12 * hourMs - 2]) {
    scene.nowMs += ageMs;
    assert.equal(await scene.mayPull(), true);
  }

  assert.equal(scene.asked, 1);
  assert.equal(await scene.isListed(), true);
});

test("a repository that is public is remembered beyond a restart", async () => {
  await using scene = await Scene.start();
  await scene.mayPull();
  scene.restart();
  scene.fails(down);

  assert.equal(await scene.isListed(), true);
  assert.equal(await scene.mayPull(), true);
  assert.equal(scene.asked, 1);
});

test("what upstream refuses to nobody, or does not have, may not be pulled and is not listed any more", async () => {
  for (const end of [refused, "no"] as const) {
    await using scene = await Scene.start();
    await scene.mayPull();
    if (end === "no") scene.says(false);
    else scene.fails(end);
    scene.nowMs += 24 * hourMs;
    assert.equal(await scene.isListed(), false, "nor while it is not asked again");

    if (end === "no") assert.equal(await scene.mayPull(), false);
    else await assert.rejects(scene.mayPull(), { failure: refused });

    scene.nowMs -= 24 * hourMs;
    assert.equal(await scene.isListed(), false);
    scene.restart();
    assert.equal(await scene.isListed(), false);
    scene.fails(down);
    await assert.rejects(scene.mayPull(), { failure: down });
  }
});

test("trouble of upstream closes no repository that was public, and opens none", async () => {
  await using scene = await Scene.start();
  scene.fails(down);
  await assert.rejects(scene.mayPull(), { failure: down });
  scene.says(true);
  await scene.mayPull();
  scene.fails(down);
  scene.nowMs += 25 * hourMs;

  assert.equal(await scene.mayPull(), true);
});

const ours = "ours";

/** A repository, and what upstream says of it to nobody. */
class Scene implements AsyncDisposable {
  nowMs = 1_000 * hourMs;
  asked = 0;
  #answer: boolean | UpstreamFailure = true;
  #rights: PullRights;
  readonly #catalog: SqliteCatalog;
  readonly #resources: AsyncDisposableStack;
  readonly #policy: FreshnessPolicy = {
    ttlMs: 0,
    staleWhileRevalidateMs: 0,
    staleIfErrorMs: 0,
    negativeTtlMs: 0,
    grantTtlMs: 24 * hourMs,
  };

  private constructor(catalog: SqliteCatalog, resources: AsyncDisposableStack) {
    this.#catalog = catalog;
    this.#resources = resources;
    this.#rights = this.#newRights();
  }

  static async start(): Promise<Scene> {
    await using resources = new AsyncDisposableStack();
    const { layout } = resources.use(await storageDirectory());
    const catalog = resources.use(await SqliteCatalog.open(layout));
    return new Scene(catalog, resources.move());
  }

  says(isPublic: boolean): void {
    this.#answer = isPublic;
  }

  fails(failure: UpstreamFailure): void {
    this.#answer = failure;
  }

  /** Only what the catalog knows is left. */
  restart(): void {
    this.#rights = this.#newRights();
  }

  async mayPull(whose: typeof ours | null = null): Promise<boolean> {
    return await this.#rights.mayPull(targetOf(whose), {
      about: "manifest 1",
      ask: async () => {
        this.asked++;
        if (typeof this.#answer === "boolean") return this.#answer;
        throw new UpstreamError("docker.io", this.#answer);
      },
    });
  }

  async isListed(whose: typeof ours | null = null): Promise<boolean> {
    const { upstream } = targetOf(whose);
    const location = { upstream: upstream.name, repository };
    return await this.#rights.isListed({ upstream, login: null }, location, this.#policy);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }

  #newRights(): PullRights {
    const now = (): number => this.nowMs;
    const log = pino({ level: "silent" });
    const trouble = new RecentTrouble(now);
    const behind = new Behind(log);
    const proofs = new Proofs({ behind, trouble, now, policy: () => this.#policy });
    return new PullRights({ catalog: this.#catalog, log, now }, proofs);
  }
}

function targetOf(whose: typeof ours | null): Target {
  const publicView = whose === null ? unaskedUpstream("docker.io") : null;
  return {
    upstream: unaskedUpstream("docker.io", { publicView }),
    repository,
    via: "",
    login: null,
  };
}
