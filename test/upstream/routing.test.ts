import assert from "node:assert/strict";
import dns from "node:dns";
import { test } from "node:test";
import { DistributionError } from "../../src/oci/distribution-error.ts";
import { imageName } from "../../src/oci/image-name.ts";
import { parseRoute } from "../../src/oci/route.ts";
import { Upstreams } from "../../src/upstream/upstreams.ts";
import { FakeUpstream } from "../support/fake-upstream.ts";
import { imageOfSize } from "../support/images.ts";
import { TestMirror } from "../support/test-mirror.ts";
import { unaskedUpstream } from "../support/unasked-upstream.ts";

/** A row of "Which upstream a request means": the address of a manifest, and what it means. */
type Row = readonly [
  what: string,
  address: {
    /** Before `/v2`. */
    readonly before?: string;
    readonly path: string;
    readonly ns?: string;
    readonly host?: string;
  },
  meant: string,
];

const rows: readonly Row[] = [
  // ns
  ["ns names the upstream", { path: "owner/app", ns: "ghcr.io" }, "ghcr.io owner/app"],
  ["ns in upper case is the same", { path: "owner/app", ns: "GHCR.IO" }, "ghcr.io owner/app"],
  ["ns with a port", { path: "app", ns: "registry.internal:5000" }, "registry.internal:5000 app"],
  ["ns by an alias", { path: "app", ns: "github.example.com" }, "ghcr.io app"],
  ["ns docker.io", { path: "owner/app", ns: "docker.io" }, "docker.io owner/app"],
  ["ns index.docker.io", { path: "owner/app", ns: "index.docker.io" }, "docker.io owner/app"],
  [
    "ns registry-1.docker.io",
    { path: "owner/app", ns: "registry-1.docker.io" },
    "docker.io owner/app",
  ],
  // Host
  ["a Host of an upstream's hosts", { path: "a/b", host: "ghcr.example.com" }, "ghcr.io a/b"],
  [
    "the same Host with the mirror's port",
    { path: "a/b", host: "ghcr.example.com:5000" },
    "ghcr.io a/b",
  ],
  ["the same Host in upper case", { path: "a/b", host: "GHCR.Example.COM" }, "ghcr.io a/b"],
  [
    "a Host that is configured with its port",
    { path: "a/b", host: "int.example.com:8443" },
    "registry.internal:5000 a/b",
  ],
  [
    "that Host with another port is unknown",
    { path: "a/b", host: "int.example.com:1" },
    "docker.io a/b",
  ],
  ["an unknown Host is ignored", { path: "a/b", host: "192.0.2.1:5000" }, "docker.io a/b"],
  ["an upstream's own name as Host is unknown", { path: "a/b", host: "ghcr.io" }, "docker.io a/b"],
  ["a Host that is an IPv6 address", { path: "a/b", host: "[::1]:5000" }, "docker.io a/b"],
  ["an unknown Host beside ns", { path: "a/b", host: "x.example", ns: "ghcr.io" }, "ghcr.io a/b"],
  // A prefix before /v2
  ["a prefix before /v2", { before: "ghcr.io", path: "a/b" }, "ghcr.io a/b"],
  ["a prefix before /v2 in upper case", { before: "Ghcr.IO", path: "a/b" }, "ghcr.io a/b"],
  ["an alias before /v2", { before: "github.example.com", path: "a/b" }, "ghcr.io a/b"],
  [
    "a prefix with a port before /v2",
    { before: "registry.internal:5000", path: "a" },
    "registry.internal:5000 a",
  ],
  ["a prefix before /v2 with ns", { before: "ghcr.io", path: "a", ns: "ghcr.io" }, "ghcr.io a"],
  [
    "a prefix before /v2 with ns by another of its names",
    { before: "docker.io", path: "a/b", ns: "registry-1.docker.io" },
    "docker.io a/b",
  ],
  // A prefix after /v2
  ["a prefix after /v2", { path: "ghcr.io/a/b" }, "ghcr.io a/b"],
  ["a prefix after /v2 in upper case", { path: "GHCR.io/a/b" }, "ghcr.io a/b"],
  ["an alias after /v2", { path: "github.example.com/a/b" }, "ghcr.io a/b"],
  [
    "a prefix with a port after /v2",
    { path: "registry.internal:5000/a" },
    "registry.internal:5000 a",
  ],
  ["a prefix after /v2 with ns is stripped", { path: "ghcr.io/a/b", ns: "ghcr.io" }, "ghcr.io a/b"],
  [
    "a prefix after /v2 with ns by an alias",
    { path: "ghcr.io/a/b", ns: "github.example.com" },
    "ghcr.io a/b",
  ],
  // Both, and all
  ["prefixes before and after /v2", { before: "ghcr.io", path: "ghcr.io/a/b" }, "ghcr.io a/b"],
  [
    "prefixes before and after /v2 with ns and Host",
    { before: "ghcr.io", path: "ghcr.io/a/b", ns: "ghcr.io", host: "ghcr.example.com" },
    "ghcr.io a/b",
  ],
  ["one prefix is stripped, not two", { path: "ghcr.io/quay.io/a" }, "ghcr.io quay.io/a"],
  // The default
  ["nothing speaks", { path: "owner/app" }, "docker.io owner/app"],
  ["a namespace with a hyphen is no host", { path: "ghcr-io/app" }, "docker.io ghcr-io/app"],
  ["localhost is a namespace", { path: "localhost/app" }, "docker.io localhost/app"],
  ["dots beyond the first component", { path: "owner/app.v1" }, "docker.io owner/app.v1"],
  // library/
  ["one component on the default", { path: "alpine" }, "docker.io library/alpine"],
  ["one component with ns", { path: "alpine", ns: "docker.io" }, "docker.io library/alpine"],
  [
    "one component with a prefix before",
    { before: "docker.io", path: "alpine" },
    "docker.io library/alpine",
  ],
  ["one component with a prefix after", { path: "docker.io/alpine" }, "docker.io library/alpine"],
  [
    "one component with an alias after",
    { path: "index.docker.io/alpine" },
    "docker.io library/alpine",
  ],
  [
    "one component with Host",
    { path: "alpine", host: "mirror.example.com" },
    "docker.io library/alpine",
  ],
  ["library/ that is there already", { path: "library/alpine" }, "docker.io library/alpine"],
  ["one component elsewhere", { path: "app", ns: "ghcr.io" }, "ghcr.io app"],
  ["one component elsewhere by a prefix", { path: "ghcr.io/app" }, "ghcr.io app"],
  ["a component that is called library", { path: "library" }, "docker.io library/library"],
];

for (const [what, address, meant] of rows) {
  test(`${what}: ${written(address)} means ${meant}`, () => {
    const { upstream, repository } = resolve(withDefault, address);

    assert.equal(`${upstream.name} ${repository}`, meant);
  });
}

type Refusal = readonly [
  what: string,
  address: Row[1],
  code: "NAME_UNKNOWN" | "NAME_INVALID",
  names: readonly string[],
];

const refusals: readonly Refusal[] = [
  // Not configured
  ["ns", { path: "a", ns: "unknown.example" }, "NAME_UNKNOWN", ["unknown.example"]],
  ["ns with a port", { path: "a", ns: "127.0.0.1:22" }, "NAME_UNKNOWN", ["127.0.0.1:22"]],
  ["ns with another port", { path: "a", ns: "ghcr.io:443" }, "NAME_UNKNOWN", ["ghcr.io:443"]],
  ["ns of every object", { path: "a", ns: "__proto__" }, "NAME_UNKNOWN", ["__proto__"]],
  ["ns with a URL", { path: "a", ns: "https://ghcr.io" }, "NAME_UNKNOWN", ["https://ghcr.io"]],
  [
    "ns that only lower-cases to a known one",
    { path: "a", ns: "doc\u212aer.io" },
    "NAME_UNKNOWN",
    ["er.io"],
  ],
  ["a prefix before", { before: "a.example", path: "b" }, "NAME_UNKNOWN", ["a.example"]],
  ["a first component with a dot", { path: "a.example/b" }, "NAME_UNKNOWN", ["a.example"]],
  ["a first component with a colon", { path: "a:5000/b" }, "NAME_UNKNOWN", ["a:5000"]],
  ["a first component alone", { path: "alpine.v1" }, "NAME_UNKNOWN", ["alpine.v1"]],
  ["dots", { path: "../a" }, "NAME_UNKNOWN", [".."]],
  [
    "an unknown ns beside a known prefix",
    { path: "ghcr.io/a", ns: "unknown.example" },
    "NAME_UNKNOWN",
    ["unknown.example"],
  ],
  // Two that disagree, each pair of them
  [
    "ns and prefix after",
    { path: "ghcr.io/a", ns: "docker.io" },
    "NAME_UNKNOWN",
    ["docker.io", "ghcr.io"],
  ],
  [
    "ns and prefix before",
    { before: "ghcr.io", path: "a", ns: "docker.io" },
    "NAME_UNKNOWN",
    ["docker.io", "ghcr.io"],
  ],
  [
    "ns and Host",
    { path: "a", ns: "docker.io", host: "ghcr.example.com" },
    "NAME_UNKNOWN",
    ["docker.io", "ghcr.io"],
  ],
  [
    "Host and prefix before",
    { before: "docker.io", path: "a", host: "ghcr.example.com" },
    "NAME_UNKNOWN",
    ["docker.io", "ghcr.io"],
  ],
  [
    "Host and prefix after",
    { path: "docker.io/a", host: "ghcr.example.com" },
    "NAME_UNKNOWN",
    ["docker.io", "ghcr.io"],
  ],
  [
    "prefixes before and after",
    { before: "ghcr.io", path: "docker.io/a" },
    "NAME_UNKNOWN",
    ["docker.io", "ghcr.io"],
  ],
  [
    "three of whom two agree",
    { before: "ghcr.io", path: "ghcr.io/a", ns: "docker.io" },
    "NAME_UNKNOWN",
    ["docker.io", "ghcr.io"],
  ],
  // No repository is left
  ["a prefix and nothing", { path: "ghcr.io" }, "NAME_INVALID", []],
  ["no name", { path: "" }, "NAME_INVALID", []],
  ["upper case", { path: "library/Alpine" }, "NAME_INVALID", []],
  ["dots within", { path: "a/../b" }, "NAME_INVALID", []],
  ["a dot within", { path: "a/./b" }, "NAME_INVALID", []],
  ["an empty component", { path: "a//b" }, "NAME_INVALID", []],
  ["an empty first component", { path: "/a" }, "NAME_INVALID", []],
  ["an encoded backslash", { path: "a%5cb" }, "NAME_INVALID", []],
  ["an encoded NUL", { path: "a%00" }, "NAME_INVALID", []],
  ["300 components", { path: `${"a/".repeat(299)}a` }, "NAME_INVALID", []],
  ["64 KiB", { path: "a".repeat(64 * 1024) }, "NAME_INVALID", []],
];

for (const [what, address, code, names] of refusals) {
  test(`${what}: ${written(address)} is refused with ${code}`, () => {
    assert.throws(
      () => resolve(withDefault, address),
      (error) => isRefusal(error, code) && names.every((name) => error.message.includes(name)),
    );
  });
}

test("without a default a request that names no upstream is refused, and told how to name one", () => {
  for (const path of ["alpine", "owner/app"]) {
    assert.throws(
      () => resolve(withoutDefault, { path }),
      (error) => isRefusal(error, "NAME_UNKNOWN") && error.message.includes("ghcr.io/owner/image"),
    );
  }
});

test("without a default whatever names an upstream still means it", () => {
  const addresses: readonly Row[1][] = [
    { path: "a", ns: "ghcr.io" },
    { path: "a", host: "ghcr.example.com" },
    { path: "ghcr.io/a" },
    { before: "ghcr.io", path: "a" },
  ];
  for (const address of addresses) {
    assert.equal(resolve(withoutDefault, address).upstream.name, "ghcr.io");
  }
});

test("a request about no repository is refused only if it names an unknown upstream, or two", () => {
  for (const target of ["/v2/", "/v2/?ns=ghcr.io", "/ghcr.io/v2/", "/ghcr.io/v2/?ns=GHCR.io"]) {
    withDefault.meant(parseRoute(target).address, undefined);
  }
  for (const target of ["/v2/?ns=a.example", "/a.example/v2/", "/ghcr.io/v2/?ns=docker.io"]) {
    assert.throws(
      () => withDefault.meant(parseRoute(target).address, undefined),
      (error) => isRefusal(error, "NAME_UNKNOWN"),
    );
  }
});

test("an upstream that is not configured is never looked up", async (t) => {
  await using hub = await FakeUpstream.start();
  const endpoint = hub.url.replace("127.0.0.1", "localhost");
  await using mirror = await TestMirror.start({ upstreams: { "docker.io": endpoint } });
  hub.addImage("library/app", "1", imageOfSize("routing", 10));
  const lookup = t.mock.method(dns, "lookup");

  const unknown = await Promise.all([
    mirror.get("/v2/app/manifests/1?ns=unknown.example"),
    mirror.get("/v2/app/manifests/1?ns=localhost:22"),
    mirror.get("/unknown.example/v2/app/manifests/1"),
    mirror.get("/v2/unknown.example/app/manifests/1"),
    mirror.get("/v2/localhost:5000/app/manifests/1"),
  ]);

  for (const { status, body } of unknown) {
    assert.equal(status, 404);
    assert.equal(JSON.parse(body.toString()).errors[0].code, "NAME_UNKNOWN");
  }
  assert.equal(lookup.mock.callCount(), 0);
  assert.equal(hub.requests.length, 0);
  // What is configured is looked up, so the count above means something.
  const known = await mirror.get("/v2/app/manifests/1", { host: "unknown.example" });
  assert.equal(known.status, 200);
  assert.ok(lookup.mock.callCount() > 0);
});

const images: readonly (readonly [written: string, meant: string, route: string])[] = [
  ["alpine", "docker.io/library/alpine:latest", "default"],
  ["owner/app:1", "docker.io/owner/app:1", "default"],
  ["docker.io/alpine", "docker.io/library/alpine:latest", "prefix"],
  ["Index.Docker.io/alpine:1", "docker.io/library/alpine:1", "alias"],
  ["GHCR.io/owner/app:1", "ghcr.io/owner/app:1", "prefix"],
  ["registry.internal:5000/app", "registry.internal:5000/app:latest", "prefix"],
];

for (const [name, meant, kind] of images) {
  test(`to an operator ${name} means ${meant}, as to a client`, () => {
    const { upstream, repository, reference, route } = withDefault.image(name);

    assert.equal(imageName({ upstream: upstream.name, repository }, reference), meant);
    assert.equal(route.kind, kind);
  });
}

const noImages: readonly (readonly [written: string, sentence: RegExp])[] = [
  ["unknown.example/app", /"unknown.example" is no upstream/],
  ["docker.io", /docker.io is an upstream and no image/],
  ["registry.internal:5000", /registry.internal:5000 is an upstream and no image/],
  ["ghcr.io/", /repository's name is not valid/],
  ["Alpine", /repository's name is not valid/],
];

for (const [name, sentence] of noImages) {
  test(`${name} names no image, and what is wrong is said`, () => {
    assert.throws(
      () => withDefault.image(name),
      (error) => error instanceof DistributionError && sentence.test(error.message),
    );
  });
}

const withDefault = upstreams("docker.io");
const withoutDefault = upstreams(null);

function upstreams(defaultName: string | null): Upstreams {
  const entry = (name: string, aliases: string[], hosts: string[]) => ({
    upstream: unaskedUpstream(name),
    aliases,
    hosts,
    default: name === defaultName,
  });
  return new Upstreams([
    entry("docker.io", ["index.docker.io", "registry-1.docker.io"], ["mirror.example.com"]),
    entry("ghcr.io", ["github.example.com"], ["ghcr.example.com"]),
    entry("registry.internal:5000", [], ["int.example.com:8443"]),
  ]);
}

function resolve(table: Upstreams, address: Row[1]): ReturnType<Upstreams["resolve"]> {
  return table.resolve(parseRoute(written(address)).address, address.host);
}

function written({ before, path, ns }: Row[1]): string {
  const prefix = before === undefined ? "" : `/${before}`;
  const query = ns === undefined ? "" : `?ns=${encodeURIComponent(ns)}`;
  return `${prefix}/v2/${path}/manifests/1${query}`;
}

function isRefusal(error: unknown, code: string): error is DistributionError {
  return (
    error instanceof DistributionError &&
    error.code === code &&
    error.status === (code === "NAME_UNKNOWN" ? 404 : 400)
  );
}
