import assert from "node:assert/strict";
import { readFile } from "node:fs/promises";
import { createRequire } from "node:module";
import { test } from "node:test";
import type { Page } from "playwright-core";
import { screenshot, TestBrowser } from "../support/browser.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, runnableImage, topLayerOf } from "../support/images.ts";
import { pullImage } from "../support/pull-image.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

const image = encodeURIComponent("docker.io/library/index:1");

/** Each view, and what is there when it is drawn. */
const views: readonly (readonly [hash: string, sign: string])[] = [
  ["#/now", "tbody tr"],
  ["#/time?window=1h", "canvas >> nth=3"],
  ["#/storage", "text=of 3 images"],
  ["#/images", "tbody tr"],
  [`#/image/${image}`, ".part >> nth=6"],
  ["#/clients?client=podman", "pre >> nth=1"],
];

interface Finding {
  readonly id: string;
  readonly impact: string;
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[];
}

test("the dashboard is for everybody", async (t) => {
  if (!haveAll(t, "chromium")) return;
  await using hub = await FakeUpstream.start();
  await using ghcr = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub, "ghcr.io": ghcr },
    maxSize: { kind: "bytes", bytes: 40 * 2 ** 20 },
  });
  hub.addImage("library/index", "1", runnableImage("hello"));
  const large = imageOfSize("large", 3_000_000);
  hub.addImage("library/large", "1", large);
  hub.addImage("library/small", "1", imageOfSize("small", 20_000));
  for (const name of ["index", "small", "small"]) await pullImage(mirror, `library/${name}`, "1");
  await ghcr.down();
  for (const tag of ["1", "2", "3"]) await mirror.get(`/v2/ghcr.io/owner/app/manifests/${tag}`);
  hub.hold("library/large", topLayerOf(large).digest, 1_000_000);
  await mirror.get("/v2/library/large/manifests/1");
  using _reader = mirror.open(`/v2/library/large/blobs/${topLayerOf(large).digest}`);
  await using browser = await TestBrowser.start();
  const axe = await readFile(createRequire(import.meta.url).resolve("axe-core/axe.min.js"), "utf8");

  for (const [colorScheme, width] of [
    ["light", 1280],
    ["dark", 360],
  ] as const) {
    await t.test(`axe finds nothing serious, in ${colorScheme}, ${width} pixels wide`, async () => {
      const page = await browser.open(mirror.adminUrl, { colorScheme, width });
      const findings: string[] = [];
      for (const [hash, sign] of views) {
        await show(page, mirror, hash, sign);
        findings.push(...(await findingsOf(page, axe)).map((finding) => `${hash}: ${finding}`));
        const name = hash.replace(/^#\/(\w+).*/, "$1");
        assert.deepEqual(await sidewaysOf(page), [], `${hash}: the page is wider than the window`);
        await screenshot(page, `${name}-${colorScheme}-${width}`);
      }
      assert.deepEqual(findings, []);
      await page.close();
    });
  }

  await t.test(
    "a keyboard is enough to go to another view, and to open and leave a dialog",
    async () => {
      const page = await browser.open(mirror.adminUrl);
      await show(page, mirror, ...(views[0] as [string, string]));

      await page.keyboard.press("Tab");
      assert.equal(await focused(page), "Skip to the content");
      await page.keyboard.press("Enter");
      assert.equal(await page.evaluate("document.activeElement.id"), "main");
      await page.keyboard.press("Shift+Tab");
      await page.getByRole("link", { name: "Images", exact: true }).focus();
      await page.keyboard.press("Enter");
      await page.getByRole("heading", { name: "Images" }).waitFor();
      await page.getByRole("link", { name: "docker.io/library/index:1" }).press("Enter");
      const button = page.getByRole("button", { name: "Purge …" });
      await button.press("Enter");
      await page.getByRole("dialog").getByRole("button", { name: "Purge, freeing" }).waitFor();
      for (let times = 0; times < 8; times++) {
        await page.keyboard.press("Tab");
        const outside =
          "!document.activeElement.closest('dialog') && document.activeElement !== document.body";
        assert.equal(await page.evaluate(outside), false, "the focus left the dialog");
      }
      await page.keyboard.press("Escape");

      await page.getByRole("dialog").waitFor({ state: "detached" });
      assert.equal(await focused(page), "Purge …");
      await page.close();
    },
  );

  await t.test(
    "the theme is the system's, until somebody chooses; that is remembered",
    async () => {
      const page = await browser.open(mirror.adminUrl, { colorScheme: "dark" });
      const theme = page.getByRole("combobox", { name: "Theme" });
      await theme.waitFor();
      const dark = await ground(page);

      await theme.selectOption("Light");
      const light = await ground(page);
      await page.reload();
      await theme.waitFor();

      assert.notEqual(light, dark);
      assert.equal(await ground(page), light);
      assert.equal(await theme.inputValue(), "light");
      await page.close();
    },
  );

  assert.deepEqual(browser.complaints, []);
});

async function show(page: Page, mirror: TestMirror, hash: string, sign: string): Promise<void> {
  await page.goto(`${mirror.adminUrl}/${hash}`);
  await page.locator(sign).first().waitFor();
}

async function findingsOf(page: Page, axe: string): Promise<string[]> {
  await page.evaluate(axe);
  const { violations } = (await page.evaluate("axe.run({ resultTypes: ['violations'] })")) as {
    violations: readonly Finding[];
  };
  return violations
    .filter(({ impact }) => impact === "serious" || impact === "critical")
    .map(
      ({ id, nodes }) =>
        `${id}: ${nodes.map(({ html, failureSummary }) => `${html} ${failureSummary}`)}`,
    );
}

/** What makes the page scroll sideways. */
function sidewaysOf(page: Page): Promise<unknown> {
  return page.evaluate(`document.documentElement.scrollWidth <= innerWidth ? [] :
    [...document.querySelectorAll("main *")]
      .filter((one) => one.getBoundingClientRect().right > innerWidth && !one.closest(".scroll"))
      .map((one) => one.outerHTML.slice(0, 200))`);
}

function focused(page: Page): Promise<unknown> {
  return page.evaluate("document.activeElement.textContent");
}

function ground(page: Page): Promise<unknown> {
  return page.evaluate("getComputedStyle(document.body).backgroundColor");
}
