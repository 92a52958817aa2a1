import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page } from "playwright-core";
import type { Stats } from "../../src/admin/routes/stats.ts";
import { formatBytes } from "../../src/config/units.ts";
import { screenshot, TestBrowser } from "../support/browser.ts";
import { eventually } from "../support/eventually.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { pullImage } from "../support/pull-image.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("the dashboard over time", async (t) => {
  if (!haveAll(t, "chromium")) return;
  await using hub = await FakeUpstream.start();
  await using ghcr = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub, "ghcr.io": ghcr },
  });
  await using browser = await TestBrowser.start();
  const page = await browser.open(`${mirror.adminUrl}/#/time?window=24h`, { colorScheme: "dark" });

  await t.test("says so where nothing was asked for", async () => {
    await page.getByText("Nothing was asked for in this time.").waitFor();
  });

  await t.test("draws what happened, and has the same figures as the API", async () => {
    for (let hour = 0; hour < 4; hour++) {
      hub.addImage("library/app", `${hour}`, imageOfSize(`app ${hour}`, 200_000));
      await pullImage(mirror, "library/app", `${hour}`);
      if (hour > 1) await pullImage(mirror, "library/app", "1");
      await mirror.admin("/api/v1/stats?window=1h");
      mirror.advance(3_600_000);
    }
    ghcr.addImage("owner/other", "1", imageOfSize("other", 100_000));
    await pullImage(mirror, "ghcr.io/owner/other", "1");
    await mirror.get("/v2/library/app/manifests/none");
    await page.reload();
    await page.getByRole("img", { name: /^Hit rate: / }).waitFor();
    await page.locator("canvas").nth(3).waitFor();

    const { traffic } = await statsOf(mirror, "window=24h");
    assert.ok(traffic);
    const { sum } = traffic.total;
    assert.equal(await tile(page, "To clients"), formatBytes(sum.sentBytes));
    assert.equal(await tile(page, "Errors"), "1");
    const drawn = await page.locator("canvas").evaluateAll(inkOf);
    assert.ok(
      drawn.every((pixels) => pixels > 500),
      `pixels of four charts: ${drawn}`,
    );
    await screenshot(page, "time-dark");
  });

  await t.test("tells the values where it is pointed at", async () => {
    const plot = page.locator(".u-over").nth(1);
    // Its axis may be made wider meanwhile, as the numbers at it grow.
    await eventually("its last value is pointed at", async () => {
      const { width = 0, height = 0 } = (await plot.boundingBox()) ?? {};
      const position = { x: width - 1, y: height / 2 };
      return await plot.hover({ position, timeout: 1_000 }).then(
        () => true,
        () => false,
      );
    });

    const tip = await page.locator(".tooltip:visible").nth(1).innerText();

    const { traffic } = await statsOf(mirror, "window=24h");
    const last = traffic?.total.steps.at(-1);
    assert.match(tip, new RegExp(`to clients ${formatBytes(last?.sentBytes ?? 0)}`));
  });

  await t.test("has all of it as a table too", async () => {
    await page.getByText("As a table").click();
    const table = page.getByRole("region", { name: /a row$/ });

    const { traffic } = await statsOf(mirror, "window=24h");
    const steps = traffic?.total.steps.filter(({ requests }) => requests > 0).toReversed() ?? [];
    assert.deepEqual(
      await table.locator("tbody td:nth-child(2)").allInnerTexts(),
      steps.map(({ requests }) => String(requests)),
    );
  });

  await t.test("shows one upstream, and its URL says which and for how long", async () => {
    await page.getByRole("combobox", { name: "Upstream" }).selectOption("ghcr.io");
    await page.getByRole("button", { name: "1 hour" }).click();
    await page.getByText("of 3", { exact: true }).waitFor();

    assert.match(page.url(), /#\/time\?window=1h&upstream=ghcr\.io$/);
    await page.goBack();
    await page.goBack();
    await page.getByText("of 22", { exact: true }).waitFor();
  });

  assert.deepEqual(browser.complaints, []);
});

/** How many pixels of each canvas have a colour. It runs in the page. */
function inkOf(canvases: unknown[]): number[] {
  interface Canvas {
    readonly width: number;
    readonly height: number;
    getContext(kind: "2d"): {
      getImageData(...area: number[]): { readonly data: Uint8ClampedArray };
    };
  }
  return (canvases as Canvas[]).map((canvas) => {
    const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
    return data.filter((value, at) => at % 4 === 3 && value > 0).length;
  });
}

async function tile(page: Page, label: string): Promise<string> {
  const found = page.locator(".tile").filter({ has: page.getByText(label, { exact: true }) });
  return await found.locator(".value").innerText();
}

async function statsOf(mirror: TestMirror, query: string): Promise<Stats> {
  return JSON.parse((await mirror.admin(`/api/v1/stats?${query}`)).body.toString());
}
