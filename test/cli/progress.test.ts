import assert from "node:assert/strict";
import { test } from "node:test";
import { PrefetchPicture } from "../../src/cli/output/prefetch-picture.ts";
import { Progress } from "../../src/cli/output/progress.ts";
import { renderBar } from "../../src/cli/output/progress-bar.ts";
import { Speed } from "../../src/cli/output/speed.ts";

const mib = 1024 ** 2;

test("a bar of progress has its figures beside it, within the columns there are", () => {
  const bar = {
    label: "verify",
    doneBytes: 512 * mib,
    totalBytes: 1024 * mib,
    bytesPerSecond: mib,
  };
  assert.equal(
    renderBar(bar, { widthChars: 79, labelChars: 6 }),
    "verify  [#######........]   50%  512 MiB of 1 GiB      1 MiB/s     8m 32s left",
  );
  assert.equal(
    renderBar(bar, { widthChars: 40, labelChars: 6 }),
    "verify   50%  512 MiB of 1 GiB      1 Mi",
  );
});

test("a bar of what has no known size tells no share, and one of nothing is full", () => {
  const space = { widthChars: 79, labelChars: 4 };
  const unknown = { label: "blob", doneBytes: mib, totalBytes: null, bytesPerSecond: null };
  assert.match(renderBar(unknown, space), /^blob {2}\[\.+\] {4,}1 MiB$/);
  const nothing = { label: "none", doneBytes: 0, totalBytes: 0, bytesPerSecond: null };
  assert.match(renderBar(nothing, space), /\[#+\] {2}100% {2}0 B of 0 B$/);
});

test("the speed of progress is that of the last seconds", () => {
  const speed = new Speed();
  assert.equal(speed.bytesPerSecond, null);
  for (let at = 0; at <= 60; at++) speed.note(at < 30 ? 0 : (at - 30) * mib, at * 1000);
  assert.equal(speed.bytesPerSecond, mib);
});

test("a picture of progress is written over the one before in one go, and taken away at the end", () => {
  const written: string[] = [];
  const screen = { isTTY: true, columns: 20, rows: 5, write: (text: string) => written.push(text) };
  {
    using progress = new Progress(screen);
    progress.show(["one", "two"]);
    progress.show(["three"]);
  }
  assert.deepEqual(written, [
    "one\x1b[K\ntwo\x1b[K\n\x1b[J",
    "\x1b[2Fthree\x1b[K\n\x1b[J",
    "\x1b[1F\x1b[J",
  ]);
});

test("progress is not shown where there is no terminal, and has no more lines than a low one", () => {
  const written: string[] = [];
  const write = (text: string): number => written.push(text);
  {
    using piped = new Progress({ write });
    piped.show(["one"]);
  }
  assert.deepEqual(written, []);
  using low = new Progress({ isTTY: true, columns: 80, rows: 5, write });
  low.show(["1", "2", "3", "4", "5"]);
  assert.equal(written.join("").split("\n").length - 1, 3);
});

test("progress shows as many of the blobs in flight as fit, and always the whole", () => {
  const blob = (at: number) => ({
    image: "docker.io/library/app:1",
    digest: `sha256:${String(at).repeat(64)}`,
    doneBytes: at * mib,
    totalBytes: 10 * mib,
  });
  const progress = {
    doneImages: 1,
    images: 3,
    doneBytes: 30 * mib,
    totalBytes: 60 * mib,
    fetchedBytes: 6 * mib,
    inFlight: [1, 2, 3].map(blob),
  };
  const lines = new PrefetchPicture().draw(progress, 0, { widthChars: 79, heightLines: 3 });
  assert.deepEqual(
    lines.map((line) => line.slice(0, 12)),
    ["111111111111", "222222222222", "1 of 3      "],
  );
  for (const line of lines) assert.ok(line.length < 80);
});
