import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import type { EvictionOutlook } from "../../src/admin/routes/eviction.ts";
import type { InspectAnswer } from "../../src/admin/routes/inspect.ts";
import { formatBytes } from "../../src/config/units.ts";
import { nameOfThisMachine, screenshot, TestBrowser } from "../support/browser.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, runnableImage } from "../support/images.ts";
import { pullImage } from "../support/pull-image.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

const small = imageOfSize("small", 50_000);
const large = imageOfSize("large", 700_000);
const moved = imageOfSize("moved", 60_000);

test("images and storage on the dashboard", async (t) => {
  if (!haveAll(t, "chromium")) return;
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    admin: { hosts: [nameOfThisMachine] },
  });
  await using browser = await TestBrowser.start();
  hub.addImage("library/index", "1", runnableImage("hello"));
  hub.addImage("library/small", "1", small);
  hub.addImage("library/large", "1", large);
  for (const [name, times] of Object.entries({ index: 1, large: 2, small: 4 })) {
    for (let pulls = 0; pulls < times; pulls++) await pullImage(mirror, `library/${name}`, "1");
  }
  mirror.advance(3_600_000);
  hub.addImage("library/small", "1", moved);
  await pullImage(mirror, "library/small", "1");
  const page = await browser.open(mirror.adminUrl);

  await t.test(
    "storage shows what is used, and what goes next in the order of the dry run",
    async () => {
      await page.getByRole("link", { name: "Storage", exact: true }).click();

      const next = page.getByRole("region", { name: "What goes next, in its order" });
      await next.waitFor();
      const plan = await askApi<EvictionOutlook>(mirror, "evict?toBytes=0");
      const { disk, upstreams } = await askApi<StorageNumbers>(mirror, "storage");

      assert.deepEqual(
        await next.getByRole("rowheader").allInnerTexts(),
        plan.victims.map(({ names, root }) => shortened(names[0] ?? root)),
      );
      await page
        .getByText(`${formatBytes(disk.usedBytes)} of ${formatBytes(disk.limitBytes)} used`)
        .waitFor();
      const shares = page.getByRole("region", { name: "By upstream" });
      await shares.getByText(formatBytes(upstreams[0]?.bytes ?? 0), { exact: true }).waitFor();
      await page.getByText("of 4 images").waitFor();
      const moves = page.getByRole("region", { name: "Tags that moved" });
      await moves.getByText(`${digest(small)} → ${digest(moved)}`).waitFor();
      await screenshot(page, "storage");
    },
  );

  await t.test("the list is sorted and searched, and its URL says how", async () => {
    await page.getByRole("link", { name: "Images", exact: true }).click();
    await page.getByRole("button", { name: "Largest" }).click();
    await page.getByRole("rowheader").first().getByText("large").waitFor();
    const sorted = page.url();
    await page.getByRole("searchbox").fill("small");
    await page.getByRole("searchbox").press("Enter");
    await page.getByText("2 names of images match small").waitFor();

    await page.goBack();
    await page.getByText("4 names of images;").waitFor();

    assert.equal(page.url(), sorted);
    const again = await browser.open(sorted);
    await again.getByRole("rowheader").first().getByText("large").waitFor();
    await screenshot(again, "images");
    await again.close();
  });

  await t.test("an image shows what it is made of, and what its tag meant", async () => {
    await page.goto(
      `${mirror.adminUrl}/#/image/${encodeURIComponent("docker.io/library/index:1")}`,
    );
    await page.getByText("7 parts").waitFor();
    const { content } = await askApi<InspectAnswer>(mirror, "inspect?image=index:1");

    assert.deepEqual(
      await page.locator(".part .kind").allInnerTexts(),
      content.map(({ kind, platform }) => (platform === null ? kind : `${kind} ${platform}`)),
    );
    await page.getByText("Survives").waitFor();
    await screenshot(page, "image");
    await page.goto(
      `${mirror.adminUrl}/#/image/${encodeURIComponent("docker.io/library/small:1")}`,
    );
    const history = page.getByRole("region", { name: "What the tag meant" });
    await history.getByText(`${digest(small)} → ${digest(moved)}`).waitFor();
  });

  await t.test("an image is pinned, and let go again", async () => {
    await page.getByRole("button", { name: "Pin …" }).click();
    await page.getByText("1 image that is here by this name.").waitFor();
    await page.getByText("All pins together would keep").waitFor();
    await screenshot(page, "pin");
    assert.doesNotMatch(await pinsOf(mirror), /library\/small:1/);
    await page.getByRole("button", { name: "Cancel" }).click();

    await confirm(page, "Pin …", "Pin");
    await page.getByText("may be evicted", { exact: true }).waitFor({ state: "detached" });
    assert.match(await pinsOf(mirror), /library\/small:1/);

    await confirm(page, "Unpin …", "Unpin");
    await page.getByText("may be evicted", { exact: true }).waitFor();
    assert.doesNotMatch(await pinsOf(mirror), /library\/small:1/);
  });

  await t.test("an image is purged after it was said what goes, and prefetched again", async () => {
    await page.goto(
      `${mirror.adminUrl}/#/image/${encodeURIComponent("docker.io/library/large:1")}`,
    );
    const before = await mirror.stored();
    await page.getByRole("button", { name: "Purge …" }).click();
    const purge = page.getByRole("dialog").getByRole("button", { name: "Purge, freeing" });
    await purge.waitFor();
    await screenshot(page, "purge");
    assert.deepEqual(await mirror.stored(), before);

    await purge.click();
    await page.getByText("Purged: 3 blobs").waitFor();
    await page.getByRole("button", { name: "Close" }).click();
    assert.equal((await mirror.stored()).blobs, before.blobs - 3);
    // It is said what is known of an image that is not here.
    browser.complaints.length = 0;

    await page.getByRole("button", { name: "Prefetch …" }).click();
    await page.getByText("Nothing of it is known here").waitFor();
    await page.getByRole("button", { name: "Cancel" }).click();

    await confirm(page, "Prefetch …", "Prefetch");
    await page.getByRole("button", { name: "Purge …" }).waitFor();
    assert.deepEqual(await mirror.stored(), before);
    await page.getByRole("button", { name: "Prefetch …" }).click();
    await page.getByText("Nothing of it is missing.").waitFor();
    await screenshot(page, "prefetch");
    await page.getByRole("button", { name: "Cancel" }).click();
  });

  await t.test("who may only look is told so, and nothing is changed", async () => {
    const { port } = mirror.daemon.adminAddress;
    const far = await browser.open(
      `http://${nameOfThisMachine}:${port}/#/image/${encodeURIComponent("docker.io/library/small:1")}`,
    );
    const before = await mirror.stored();

    await far.getByRole("button", { name: "Purge …" }).click();
    await far.getByRole("dialog").getByText("who asks here is not known").waitFor();

    assert.equal(await far.getByRole("dialog").getByRole("button").count(), 1);
    assert.deepEqual(await mirror.stored(), before);
    await far.close();
    // The browser says so, too.
    browser.complaints.length = 0;
  });

  assert.deepEqual(browser.complaints, []);
});

interface StorageNumbers {
  readonly disk: { readonly usedBytes: number; readonly limitBytes: number };
  readonly upstreams: readonly { readonly bytes: number }[];
}

/** Opens a dialog, does what it offers, and closes it. */
async function confirm(page: Page, open: string, button: string): Promise<void> {
  await page.getByRole("button", { name: open, exact: true }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: button, exact: true }).click();
  await dialog.getByRole("button", { name: "Close" }).click();
}

async function askApi<T>(mirror: TestMirror, path: string): Promise<T> {
  const { status, body } = await mirror.admin(`/api/v1/${path}`);
  assert.equal(status, 200, body.toString());
  return JSON.parse(body.toString());
}

async function pinsOf(mirror: TestMirror): Promise<string> {
  return (await mirror.admin("/api/v1/pins")).body.toString();
}

function digest({ manifest }: typeof small): string {
  return shortened(manifest.digest);
}

function shortened(text: string): string {
  return text.replace(/(sha256:[0-9a-f]{12})[0-9a-f]+$/, "$1…");
}
