import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import type { Now } from "../../src/admin/routes/now.ts";
import { formatBytes } from "../../src/config/units.ts";
import { screenshot, TestBrowser } from "../support/browser.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, topLayerOf } from "../support/images.ts";
import { pullImage } from "../support/pull-image.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("the first view of the dashboard", async (t) => {
  if (!haveAll(t, "chromium")) return;
  await using hub = await FakeUpstream.start();
  await using ghcr = await FakeUpstream.start();
  const upstreams = { "docker.io": hub, "ghcr.io": ghcr };
  await using mirror = await TestMirror.start({ upstreams });
  await using browser = await TestBrowser.start();
  const page = await browser.open(mirror.adminUrl);

  await t.test("teaches the first pull where nothing was pulled yet", async () => {
    await page.getByText("Nothing has been pulled yet").waitFor();
    const { port } = mirror.daemon.address;

    await page.getByText(`docker pull localhost:${port}/alpine`).waitFor();

    await page.getByRole("heading", { name: "Ready for the first pull." }).waitFor();
    t.diagnostic(`something was painted after ${Math.round(await firstPaintMs(page))} ms`);
    assert.equal(await page.getByText("Not asked yet").count(), 2);
    await screenshot(page, "now-empty");
  });

  await t.test(
    "shows what was pulled, without being loaded again, as the API tells it",
    async () => {
      hub.addImage("library/app", "1", imageOfSize("shown", 300_000));
      await pullImage(mirror, "library/app", "1");
      const requests = 3 * (await pullImage(mirror, "library/app", "1"));
      await pullImage(mirror, "library/app", "1");

      await row(page, "docker.io")
        .getByRole("cell", { name: String(requests), exact: true })
        .waitFor();

      const { stats, disk } = await nowOf(mirror);
      const [told] = stats.upstreams;
      assert.ok(told);
      assert.deepEqual(await cellsOf(row(page, "docker.io")), [
        "Up",
        String(requests),
        String(told.hits),
        "0",
        "0",
        formatBytes(told.sentBytes),
        formatBytes(told.receivedBytes),
        percent(told.byteHitRate),
      ]);
      assert.equal(await tile(page, "Saved"), formatBytes(stats.total.savedBytes));
      assert.equal(await tile(page, "Hit rate by bytes"), percent(stats.total.byteHitRate));
      assert.equal(await tile(page, "Hit rate by requests"), percent(stats.total.hitRate));
      // A third of it came from upstream.
      assert.equal(percent(stats.total.byteHitRate), "66.7%");
      await page.getByText(`${formatBytes(disk.usedBytes)} of 50 GiB used`).waitFor();
      await page.getByRole("heading", { name: "Everything works." }).waitFor();
    },
  );

  await t.test("shows a fill while it runs", async () => {
    const image = imageOfSize("in flight", 4_000_000);
    const layer = topLayerOf(image);
    hub.addImage("library/large", "2", image);
    const release = hub.hold("library/large", layer.digest, 1_000_000);
    await mirror.get("/v2/library/large/manifests/2");
    using _reader = mirror.open(`/v2/library/large/blobs/${layer.digest}`);
    const item = page.getByRole("region", { name: "Filling now" }).getByRole("listitem");

    await item.getByText(`of ${formatBytes(layer.bytes.length)}`).waitFor();
    await item.getByText("1 reader", { exact: true }).waitFor();

    assert.equal(await item.getByRole("link").innerText(), "docker.io/library/large:2");
    const share = Number(await item.getByRole("progressbar").getAttribute("aria-valuenow"));
    assert.ok(share >= 20 && share <= 30, `${share}%`);
    release();
    await page.getByText("Nothing: all that is asked for is here").waitFor();
  });

  await t.test("says which upstream is down, and why", async () => {
    await ghcr.down();
    for (const tag of ["1", "2", "3"]) await mirror.get(`/v2/ghcr.io/owner/app/manifests/${tag}`);

    await page
      .getByRole("heading", { name: "ghcr.io gives no answer; what is stored is served." })
      .waitFor();

    await row(page, "ghcr.io").getByText("Down").waitFor();
    await page.getByText(/cannot be reached: connect ECONNREFUSED/).waitFor();
    await screenshot(page, "now-down");
  });

  assert.deepEqual(browser.complaints, []);
});

test("a page that has lost its mirror says so, and comes back by itself", async (t) => {
  if (!haveAll(t, "chromium")) return;
  const upstreams = { "docker.io": "http://127.0.0.1:9" };
  await using browser = await TestBrowser.start();
  const first = await TestMirror.start({ upstreams });
  const page = await browser.open(first.adminUrl);
  await page.getByText("Live", { exact: true }).waitFor();
  const { adminAddress } = first.daemon;

  await first[Symbol.asyncDispose]();
  await page.getByText("The connection to the mirror is lost.").waitFor();
  await page.getByRole("heading", { name: "The mirror gives no answer." }).waitFor();
  await screenshot(page, "now-lost");
  await using _second = await TestMirror.start({ upstreams, admin: { listen: adminAddress } });

  await page.getByText("Live", { exact: true }).waitFor();
  await page.getByText("The connection to the mirror is lost.").waitFor({ state: "detached" });
});

function row(page: Page, upstream: string): ReturnType<Page["locator"]> {
  return page.getByRole("row").filter({ has: page.getByRole("rowheader", { name: upstream }) });
}

async function cellsOf(locator: ReturnType<Page["locator"]>): Promise<string[]> {
  return await locator.getByRole("cell").allInnerTexts();
}

async function tile(page: Page, label: string): Promise<string> {
  const found = page.locator(".tile").filter({ has: page.getByText(label, { exact: true }) });
  return await found.locator(".value").innerText();
}

async function nowOf(mirror: TestMirror): Promise<Now> {
  return JSON.parse((await mirror.admin("/api/v1/now")).body.toString());
}

function percent(share: number | null): string {
  return share === null ? "–" : `${(100 * share).toFixed(1)}%`;
}

/** When the page first showed something, in ms after it was asked for. */
async function firstPaintMs(page: Page): Promise<number> {
  return await page.evaluate(
    () => performance.getEntriesByName("first-contentful-paint")[0]?.startTime ?? Number.NaN,
  );
}
