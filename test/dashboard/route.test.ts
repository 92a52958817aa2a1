import assert from "node:assert/strict";
import { test } from "node:test";
import { hashOf, imageHash, parseRoute } from "../../src/dashboard/route.ts";
import { shortDigest, shown } from "../../src/dashboard/words.ts";

test("a view is found again by its URL, with all that was chosen in it", () => {
  const query = { sort: "size", q: "docker.io/library/*?&=#é" };

  assert.deepEqual(parseRoute(hashOf("images", query)), { view: "images", image: "", query });
});

test("an image is found again by its URL, whatever its name", () => {
  for (const name of [
    "docker.io/library/alpine:3",
    "a/b@sha256:00",
    "x?y=1#z/../%2f",
    "</script>",
  ]) {
    const { view, image } = parseRoute(imageHash(name));
    assert.deepEqual({ view, image }, { view: "image", image: name });
  }
});

test("a URL that names no view shows the first one", () => {
  for (const hash of [
    "",
    "#",
    "#/",
    "#/nothing",
    "#/__proto__",
    "#javascript:alert(1)",
    "#/image%",
  ]) {
    assert.equal(parseRoute(hash).view, "now", hash);
  }
});

test("the name of an image that cannot be decoded is taken as it is", () => {
  assert.equal(parseRoute("#/image/100%").image, "100%");
});

test("text from anywhere is shortened for the page, and turns nothing around", () => {
  assert.equal(shown("x".repeat(1_000_000)).length, 301);
  assert.equal(shown("a\u202eb"), "a\\u{202e}b");
  assert.equal(shown("<img onerror=x>"), "<img onerror=x>");
  assert.equal(shortDigest(`app@sha256:${"a".repeat(64)}`), "app@sha256:aaaaaaaaaaaa…");
});
