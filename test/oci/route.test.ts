import assert from "node:assert/strict";
import { test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { DistributionError } from "../../src/oci/distribution-error.ts";
import { parseRoute, type Route } from "../../src/oci/route.ts";

const digest = digestOf(Buffer.from("content"));
const sha512 = digestOf(Buffer.from("content"), "sha512");
const plain = (path: string): Route["address"] => ({ ns: null, prefix: null, path });
const byTag = (tag: string): unknown => ({ kind: "tag", tag });
const firstPage = { n: null, last: null, token: null };

const endpoints: readonly (readonly [target: string, route: unknown])[] = [
  ["/v2", { kind: "base", address: plain("") }],
  ["/v2/", { kind: "base", address: plain("") }],
  ["/v2/?ns=ghcr.io", { kind: "base", address: { ...plain(""), ns: "ghcr.io" } }],
  ["/ghcr.io/v2/", { kind: "base", address: { ...plain(""), prefix: "ghcr.io" } }],
  ["/ghcr.io/v2", { kind: "base", address: { ...plain(""), prefix: "ghcr.io" } }],
  [
    "/v2/alpine/manifests/latest",
    { kind: "manifest", address: plain("alpine"), reference: byTag("latest") },
  ],
  [
    "/v2/library/alpine/manifests/3.20",
    { kind: "manifest", address: plain("library/alpine"), reference: byTag("3.20") },
  ],
  [
    `/v2/a/b/manifests/${digest}`,
    { kind: "manifest", address: plain("a/b"), reference: { kind: "digest", digest } },
  ],
  [
    `/v2/a/b/manifests/${sha512}`,
    { kind: "manifest", address: plain("a/b"), reference: { kind: "digest", digest: sha512 } },
  ],
  [`/v2/a/b/blobs/${digest}`, { kind: "blob", address: plain("a/b"), digest }],
  [`/v2/a/b/blobs/${sha512}`, { kind: "blob", address: plain("a/b"), digest: sha512 }],
  // Clients may encode what need not be.
  [`/v2/a/blobs/${digest.replace(":", "%3A")}`, { kind: "blob", address: plain("a"), digest }],
  [
    "/v2/%61lpine/manifests/l%61test",
    { kind: "manifest", address: plain("alpine"), reference: byTag("latest") },
  ],
  ["/v2/a/tags/list", { kind: "tags", address: plain("a"), page: firstPage }],
  [
    "/v2/a/tags/list?n=10&last=b%20c",
    { kind: "tags", address: plain("a"), page: { n: "10", last: "b c", token: null } },
  ],
  [
    "/v2/a/tags/list?n=2147483647&ns=ghcr.io",
    {
      kind: "tags",
      address: { ...plain("a"), ns: "ghcr.io" },
      page: { n: "2147483647", last: null, token: null },
    },
  ],
  [
    `/v2/a/b/referrers/${digest}?artifactType=application%2Fspdx%2Bjson`,
    {
      kind: "referrers",
      address: plain("a/b"),
      digest,
      artifactType: "application/spdx+json",
    },
  ],
  [
    `/v2/a/referrers/${digest}?artifactType=`,
    { kind: "referrers", address: plain("a"), digest, artifactType: null },
  ],
  ["/v2/_catalog", { kind: "catalog", address: plain(""), page: firstPage }],
  [
    "/v2/ghcr.io/_catalog?n=5&last=a/b",
    { kind: "catalog", address: plain("ghcr.io"), page: { ...firstPage, n: "5", last: "a/b" } },
  ],
  [
    "/ghcr.io/v2/_catalog",
    { kind: "catalog", address: { ...plain(""), prefix: "ghcr.io" }, page: firstPage },
  ],
  // Prefixes, before /v2 and after it; the one after it is the routing's to find.
  [
    "/ghcr.io/v2/a/b/manifests/1",
    {
      kind: "manifest",
      address: { ns: null, prefix: "ghcr.io", path: "a/b" },
      reference: byTag("1"),
    },
  ],
  [
    "/registry.internal:5000/v2/a/manifests/1",
    {
      kind: "manifest",
      address: { ns: null, prefix: "registry.internal:5000", path: "a" },
      reference: byTag("1"),
    },
  ],
  [
    "/registry.internal%3A5000/v2/a/manifests/1",
    {
      kind: "manifest",
      address: { ns: null, prefix: "registry.internal:5000", path: "a" },
      reference: byTag("1"),
    },
  ],
  [
    "/v2/ghcr.io/a/b/manifests/1",
    { kind: "manifest", address: plain("ghcr.io/a/b"), reference: byTag("1") },
  ],
  [
    "/ghcr.io/v2/a/manifests/1?ns=ghcr.io",
    {
      kind: "manifest",
      address: { ns: "ghcr.io", prefix: "ghcr.io", path: "a" },
      reference: byTag("1"),
    },
  ],
  // ns: as it was written, empty for none, twice the same for once; other parameters mean nothing.
  [
    "/v2/a/manifests/1?ns=registry.internal%3A5000",
    {
      kind: "manifest",
      address: { ...plain("a"), ns: "registry.internal:5000" },
      reference: byTag("1"),
    },
  ],
  ["/v2/a/manifests/1?ns=", { kind: "manifest", address: plain("a"), reference: byTag("1") }],
  [
    "/v2/a/manifests/1?ns=ghcr.io&ns=ghcr.io",
    { kind: "manifest", address: { ...plain("a"), ns: "ghcr.io" }, reference: byTag("1") },
  ],
  [
    `/v2/a/manifests/1?digest=${digest}&__proto__=x&ns`,
    { kind: "manifest", address: plain("a"), reference: byTag("1") },
  ],
  // Words of the API are names too.
  [
    "/v2/manifests/blobs/tags/manifests/list",
    { kind: "manifest", address: plain("manifests/blobs/tags"), reference: byTag("list") },
  ],
  ["/v2/v2/tags/list", { kind: "tags", address: plain("v2"), page: firstPage }],
  [
    "/v2/constructor/manifests/__proto__",
    { kind: "manifest", address: plain("constructor"), reference: byTag("__proto__") },
  ],
];

for (const [target, route] of endpoints) {
  test(`${target.slice(0, 80)} is read`, () => {
    assert.deepEqual(parseRoute(target), route);
  });
}

const refused: readonly (readonly [target: string, status: number, code: string])[] = [
  // No endpoint.
  ["", 404, "UNSUPPORTED"],
  ["*", 404, "UNSUPPORTED"],
  ["/", 404, "UNSUPPORTED"],
  ["v2/", 404, "UNSUPPORTED"],
  ["//", 404, "UNSUPPORTED"],
  ["/v1/search", 404, "UNSUPPORTED"],
  ["/V2/", 404, "UNSUPPORTED"],
  ["/v2a/", 404, "UNSUPPORTED"],
  ["/v2/a", 404, "UNSUPPORTED"],
  ["/v2/a/manifests/", 400, "MANIFEST_INVALID"],
  ["/v2//_catalog", 404, "UNSUPPORTED"],
  ["/v2/a/manifests", 404, "UNSUPPORTED"],
  ["/v2/a/manifests/latest/", 404, "UNSUPPORTED"],
  [`/v2/a/blobs/${digest}/`, 404, "UNSUPPORTED"],
  ["/v2/a/tags/list/", 404, "UNSUPPORTED"],
  ["/v2/a/tags/", 404, "UNSUPPORTED"],
  ["/v2/a/tags/latest", 404, "UNSUPPORTED"],
  ["/v2/a/blobs/uploads/", 404, "UNSUPPORTED"],
  ["/v2/a/Manifests/latest", 404, "UNSUPPORTED"],
  ["/etc/passwd", 404, "UNSUPPORTED"],
  ["http://ghcr.io/v2/a/manifests/1", 404, "UNSUPPORTED"],
  ["http:/v2/a/manifests/1", 404, "UNSUPPORTED"],
  ["//evil.example/v2/a/manifests/1", 404, "UNSUPPORTED"],
  // A component before /v2 that can be no upstream.
  ["//v2/", 404, "NAME_UNKNOWN"],
  ["/mirror/v2/a/manifests/1", 404, "NAME_UNKNOWN"],
  ["/a/b/v2/c/manifests/1", 404, "UNSUPPORTED"],
  // Encoded slashes and what is no UTF-8.
  ["/v2/a%2fb/manifests/1", 400, "NAME_INVALID"],
  ["/v2/a%2Fb/manifests/1", 400, "NAME_INVALID"],
  ["/v2/a/manifests/%2e%2e%2f1", 400, "NAME_INVALID"],
  ["/%2F%2F..%2F..%2Fetc/passwd", 400, "NAME_INVALID"],
  ["/v2/a/manifests/%", 400, "NAME_INVALID"],
  ["/v2/a/manifests/%zz", 400, "NAME_INVALID"],
  ["/v2/a/manifests/%c0%af", 400, "NAME_INVALID"],
  ["/v2/%c0%ae%c0%ae/manifests/1", 400, "NAME_INVALID"],
  ["/v2/a/manifests/%e0%80%af", 400, "NAME_INVALID"],
  ["/v2/a/manifests/%ed%a0%80", 400, "NAME_INVALID"],
  ["/v2/a/manifests/%ff", 400, "NAME_INVALID"],
  // References and digests outside their grammar.
  ["/v2/a/manifests/..", 400, "MANIFEST_INVALID"],
  ["/v2/a/manifests/%2e%2e", 400, "MANIFEST_INVALID"],
  ["/v2/a/manifests/a%5cb", 400, "MANIFEST_INVALID"],
  ["/v2/a/manifests/a%00b", 400, "MANIFEST_INVALID"],
  ["/v2/a/manifests/a%252fb", 400, "MANIFEST_INVALID"],
  ["/v2/a/manifests/a\\b", 400, "MANIFEST_INVALID"],
  ["/v2/a/manifests/latest#fragment", 400, "MANIFEST_INVALID"],
  ["/v2/a/manifests/%E2%80%A4", 400, "MANIFEST_INVALID"],
  [`/v2/a/manifests/${"x".repeat(129)}`, 400, "MANIFEST_INVALID"],
  ["/v2/a/manifests/a:b", 400, "DIGEST_INVALID"],
  ["/v2/a/manifests/sha256:", 400, "DIGEST_INVALID"],
  ["/v2/a/blobs/", 400, "DIGEST_INVALID"],
  ["/v2/a/blobs/latest", 400, "DIGEST_INVALID"],
  ["/v2/a/blobs/..", 400, "DIGEST_INVALID"],
  ["/v2/a/blobs/__proto__", 400, "DIGEST_INVALID"],
  [`/v2/a/blobs/${digest.slice(0, -1)}`, 400, "DIGEST_INVALID"],
  [`/v2/a/blobs/${digest}0`, 400, "DIGEST_INVALID"],
  [`/v2/a/blobs/${digest.toUpperCase()}`, 400, "DIGEST_INVALID"],
  [`/v2/a/blobs/sha256:${digest.slice(7).toUpperCase()}`, 400, "DIGEST_INVALID"],
  [`/v2/a/blobs/SHA256:${digest.slice(7)}`, 400, "DIGEST_INVALID"],
  [`/v2/a/blobs/sha512:${digest.slice(7)}`, 400, "DIGEST_INVALID"],
  [`/v2/a/blobs/md5:${digest.slice(7, 39)}`, 400, "DIGEST_INVALID"],
  [`/v2/a/blobs/sha256+b64:${digest.slice(7)}`, 400, "DIGEST_INVALID"],
  ["/v2/a/blobs/sha256:%2e%2e", 400, "DIGEST_INVALID"],
  [`/v2/a/blobs/${digest}%00`, 400, "DIGEST_INVALID"],
  [`/v2/a/blobs/${digest}%0a`, 400, "DIGEST_INVALID"],
  // Two different upstreams in one ns.
  ["/v2/a/manifests/1?ns=ghcr.io&ns=quay.io", 404, "NAME_UNKNOWN"],
];

for (const [target, status, code] of refused) {
  test(`${JSON.stringify(target.slice(0, 80))} is refused with ${status} ${code}`, () => {
    assert.throws(
      () => parseRoute(target),
      (error) =>
        error instanceof DistributionError && error.status === status && error.code === code,
    );
  });
}

test("a name in a target is decoded once and not resolved: dots and slashes stay, and no repository is called so", () => {
  const names: readonly (readonly [written: string, read: string])[] = [
    ["..", ".."],
    ["%2e%2e", ".."],
    [".", "."],
    ["a/./b", "a/./b"],
    ["a/../b", "a/../b"],
    ["a//b", "a//b"],
    ["/a", "/a"],
    ["a/", "a/"],
    ["a%5cb", "a\\b"],
    ["a%00b", "a\0b"],
    ["A", "A"],
    ["a%252fb", "a%2fb"],
    ["%E2%80%A4%E2%80%A4", "\u2024\u2024"],
  ];
  for (const [written, read] of names) {
    assert.equal(parseRoute(`/v2/${written}/manifests/1`).address.path, read);
  }
});

test("a target of 64 KiB of anything is a route or a DistributionError whose message stays short", () => {
  const pieces = ["/", "//", "/..", "/%2e", "/a", "/a.b", "%", "%25", "?", "&ns=", "=", ":", "\0"];
  const pieces64 = pieces.map((piece) => piece.repeat(64 * 1024));
  const long = pieces64.flatMap((text) => [
    text,
    `/v2${text}`,
    `/v2/${text}/manifests/1`,
    `/v2/a/manifests/${text}`,
    `/v2/a/blobs/${digest}${text}`,
    `/v2/a/tags/list?${text}`,
    `${text}/v2/`,
    `/${text}/v2/`,
    `/v2/a/manifests/1?ns=a&ns=${text}`,
  ]);
  const many = [`/v2/${"a/".repeat(300)}manifests/1`, `/v2/${"a".repeat(64 * 1024)}/tags/list`];
  for (const target of [...long, ...many]) {
    try {
      assert.equal(typeof parseRoute(target).kind, "string");
    } catch (error) {
      assert.ok(error instanceof DistributionError, `${target.slice(0, 40)}: ${error}`);
      assert.ok(error.status === 400 || error.status === 404);
      // What a client wrote does not come back to it at any length.
      assert.ok(error.message.length < 1000, `${error.message.length} characters`);
    }
  }
});
