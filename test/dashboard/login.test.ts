import assert from "node:assert/strict";
import { mkdtempDisposable, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { test } from "node:test";
import { nameOfThisMachine, TestBrowser } from "../support/browser.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { passwordLine } from "../support/login-files.ts";
import { pullImage } from "../support/pull-image.ts";
import { haveAll } from "../support/real-program.ts";
import { TestMirror } from "../support/test-mirror.ts";

test("who has logged in sees the dashboard live, and changes something from elsewhere", async (t) => {
  if (!haveAll(t, "chromium")) return;
  await using directory = await mkdtempDisposable(join(tmpdir(), "sluice-login-"));
  const htpasswdFile = join(directory.path, "htpasswd");
  await writeFile(htpasswdFile, passwordLine("me", "secret"));
  await using hub = await FakeUpstream.start();
  await using mirror = await TestMirror.start({
    upstreams: { "docker.io": hub },
    admin: { auth: { htpasswdFile, tokensFile: null }, hosts: [nameOfThisMachine] },
  });
  hub.addImage("library/app", "1", imageOfSize("login", 1_000));
  await pullImage(mirror, "library/app", "1");
  await using browser = await TestBrowser.start();
  const { port } = mirror.daemon.adminAddress;
  const image = encodeURIComponent("docker.io/library/app:1");
  const page = await browser.open(`http://${nameOfThisMachine}:${port}/#/image/${image}`, {
    login: { username: "me", password: "secret" },
  });
  await page.getByText("Live", { exact: true }).waitFor();

  await page.getByRole("button", { name: "Pin …" }).click();
  const dialog = page.getByRole("dialog");
  await dialog.getByRole("button", { name: "Pin", exact: true }).click();
  await dialog.getByText("Pinned. All pins together keep").waitFor();

  const line = mirror.logLines.find(({ msg }) => msg === "change was asked for");
  assert.match(JSON.stringify(line), /"me"/);
});
