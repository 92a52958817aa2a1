import assert from "node:assert/strict";
import { test } from "node:test";
import type { Page, Route } from "playwright-core";
import { screenshot, TestBrowser } from "../support/browser.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize, runnableImage } from "../support/images.ts";
import { pullImage } from "../support/pull-image.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

const attacks: readonly string[] = [
  '<img src=x onerror="window.ran=1">',
  "</script><script>window.ran=1</script>",
  "javascript:window.ran=1",
  '"><svg onload=window.ran=1>',
  '{{constructor.constructor("window.ran=1")()}}',
  "\u202egnp.exe\u2066",
  "nul\u0000 bell\u0007 escape\u001b[31m",
  "W".repeat(2_000),
];

// Once in each answer.
const longest = "W".repeat(1_000_000);

/** What of the API's answers somebody else has written, or might have: names, types, reasons, errors. */
const foreign = new Set([
  ...["name", "names", "upstream", "repository", "tag", "endpoint", "account", "image", "root"],
  ...["digest", "from", "to", "mediaType", "artifactType", "platform", "platforms", "pins"],
  ...["reason", "reasons", "trouble", "denial", "place", "notes", "text", "path", "host", "error"],
  "version",
]);

// Times that are called as others are.
const ofTraffic = new Set(["traffic"]);

const image = encodeURIComponent("docker.io/library/index:1");

/** Each view, and where names of others are in it. */
const views: readonly (readonly [hash: string, sign: string])[] = [
  ["#/now", "tbody .name"],
  ["#/time?window=1h", "tbody .name"],
  ["#/storage", ".lines .name"],
  ["#/images", "tbody .name"],
  [`#/image/${image}`, ".part .kind"],
  [`#/image/${encodeURIComponent(attacks[0] ?? "")}`, "h1 .name"],
  ["#/clients", ".files pre"],
  [`#/clients?client=${encodeURIComponent(attacks[0] ?? "")}`, ".files pre"],
];

test("hostile names run nothing and break nothing", async (t) => {
  if (!haveAll(t, "chromium")) return;
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": hub } });
  hub.addImage("library/index", "1", runnableImage("hello"));
  await pullImage(mirror, "library/index", "1");
  for (const [seed, name] of attacks.entries()) {
    hub.addImage(`library/image${name.length}`, "1", imageOfSize(`${seed}`, 1_000));
    await pullImage(mirror, `library/image${name.length}`, "1");
    hub.addImage(`library/image${name.length}`, "1", imageOfSize(`moved ${seed}`, 1_000));
  }
  mirror.advance(3_600_000);
  for (const { length } of attacks) await pullImage(mirror, `library/image${length}`, "1");
  await using browser = await TestBrowser.start();

  for (const width of [1280, 360]) {
    await t.test(`in no view, ${width} pixels wide`, async () => {
      const page = await browser.open("about:blank", { width });
      await page.route("**/api/v1/**", (route) => answerWithAttacks(route));
      for (const [hash, sign] of views) {
        await page.goto(`${mirror.adminUrl}/${hash}`);
        await page.locator(sign).first().waitFor();
        assert.deepEqual(await harmIn(page), unharmed, hash);
      }
      await screenshot(page, `hostile-${width}`);
      await leave(page);
    });
  }

  await t.test("and are there to be read", async () => {
    const page = await browser.open("about:blank");
    await page.route("**/api/v1/**", (route) => answerWithAttacks(route));
    await page.goto(`${mirror.adminUrl}/#/images`);
    await page
      .getByRole("link", { name: attacks[0] ?? "" })
      .first()
      .waitFor();
    // What would turn around the text behind it is shown by its number.
    await page.getByText("\\u{202e}gnp.exe").first().waitFor();
    await leave(page);
  });

  const bad = browser.complaints.filter(
    (complaint) => !complaint.includes("Failed to load resource"),
  );
  assert.deepEqual(bad, []);
});

const unharmed = { ran: false, elements: 0, links: 0, sideways: 0 };

function harmIn(page: Page): Promise<unknown> {
  return page.evaluate(`({
    ran: window.ran !== undefined,
    elements: document.querySelectorAll("img, iframe, object, body script, svg:not(.spark), [onerror], [onload]").length,
    links: [...document.querySelectorAll("a")].filter((one) => !one.getAttribute("href").startsWith("#")).length,
    // A pixel is what rounding makes of it.
    sideways: Math.max(0, document.documentElement.scrollWidth - innerWidth - 1),
  })`);
}

/** A page that asks all the time is in the middle of something when it is closed. */
async function leave(page: Page): Promise<void> {
  await page.unrouteAll({ behavior: "ignoreErrors" });
  await page.close();
}

/** The mirror's own answer, with attacks in the place of what others have written. */
async function answerWithAttacks(route: Route): Promise<void> {
  const url = route.request().url();
  if (!url.endsWith("/live")) {
    const response = await route.fetch();
    const json = hostile(await response.json(), { turn: 0 });
    return await route.fulfill({ response, json });
  }
  const response = await route.fetch({ url: url.replace("/live", "/now") });
  // It may have too many questions at this moment.
  if (!response.ok()) return await route.fulfill({ response });
  const data = JSON.stringify(hostile(await response.json(), { turn: 0 }));
  await route.fulfill({
    contentType: "text/event-stream",
    body: `event: now\ndata: ${data}\n\n`,
  });
}

function hostile(value: unknown, count: { turn: number }, isForeign = false): unknown {
  if (typeof value === "string" && isForeign) return attackFor(count);
  if (Array.isArray(value)) return value.map((one) => hostile(one, count, isForeign));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, one]) => {
      if (ofTraffic.has(key)) return [key, withHostileUpstreams(one, count)];
      return [key, hostile(one, count, foreign.has(key))];
    }),
  );
}

function withHostileUpstreams(traffic: unknown, count: { turn: number }): unknown {
  if (typeof traffic !== "object" || traffic === null) return traffic;
  const { upstreams } = traffic as { upstreams: readonly object[] };
  return {
    ...traffic,
    upstreams: upstreams.map((one) => ({ ...one, upstream: attackFor(count) })),
  };
}

function attackFor(count: { turn: number }): string {
  const attack = attacks[count.turn % attacks.length] ?? "";
  count.turn += 1;
  return count.turn === 4 ? longest : attack;
}
