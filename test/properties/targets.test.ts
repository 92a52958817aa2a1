import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { referenceText } from "../../src/oci/reference.ts";
import { parseRepository } from "../../src/oci/repository.ts";
import { type Address, type Page, parseRoute, type Route } from "../../src/oci/route.ts";
import { Upstreams } from "../../src/upstream/upstreams.ts";
import { foreignText } from "../support/foreign-text.ts";
import { holds } from "../support/holds.ts";
import { digests, references, repositories } from "../support/names.ts";
import { refusedOr } from "../support/refused-or.ts";
import { unaskedUpstream } from "../support/unasked-upstream.ts";

const hosts = fc.constantFrom("docker.io", "ghcr.io", "GHCR.io", "registry.internal:5000");

type WithoutAddress<Of> = Of extends Route ? Omit<Of, "address"> : never;
type Operation = WithoutAddress<Route>;

// Of objects without a prototype, which fast-check makes as well, none is equal to one of ours.
const plain = { noNullPrototype: true } as const;

const addresses: fc.Arbitrary<Address> = fc.record(
  { ns: fc.option(hosts), prefix: fc.option(hosts), path: repositories() },
  plain,
);

const text = fc.option(fc.string());
const pages: fc.Arbitrary<Page> = fc.record({ n: text, last: text, token: text }, plain);

const operations: fc.Arbitrary<Operation> = fc.oneof(
  fc.constant({ kind: "base" } as const),
  fc.record({ kind: fc.constant("manifest"), reference: references() }, plain),
  fc.record({ kind: fc.constant("blob"), digest: digests() }, plain),
  fc.record({ kind: fc.constantFrom("tags", "catalog"), page: pages }, plain),
  fc.record(
    {
      kind: fc.constant("referrers"),
      digest: digests(),
      artifactType: fc.option(fc.string({ minLength: 1 })),
    },
    plain,
  ),
);

const routes: fc.Arbitrary<Route> = fc
  .tuple(operations, addresses)
  .map(([operation, address]) =>
    operation.kind === "base"
      ? { ...operation, address: { ...address, path: "" } }
      : { ...operation, address },
  );

test("every endpoint is read back from its target, however much of it is percent-encoded", async () => {
  await holds(
    fc.property(routes, fc.infiniteStream(fc.boolean()), (route, coin) => {
      assert.deepEqual(parseRoute(targetOf(route, coin)), route);
    }),
  );
});

test("whatever stands in a target, it is an endpoint or refused in the spec's words", async () => {
  await holds(
    fc.property(targets(), (target) => {
      const route = refusedOr(() => parseRoute(target));
      if (route === null) return;
      // Nothing that is decoded can be decoded once more to something else.
      const canonical = targetOf(route, infinitely(false));
      assert.deepEqual(parseRoute(canonical), route);
      // And no component has become two.
      if (route.kind !== "base") assert.equal(componentsOf(target), componentsOf(canonical));
    }),
  );
});

test("whatever stands in a target, what upstream is asked for is a name by the grammar", async () => {
  const upstreams = configured();
  await holds(
    fc.property(targets(), foreignText("ghcr.io:50", 12), (target, host) => {
      const meant = refusedOr(() => upstreams.resolve(parseRoute(target).address, host));
      if (meant === null) return;
      assert.equal(parseRepository(meant.repository), meant.repository);
      assert.ok(names.includes(meant.upstream.name));
    }),
  );
});

test("an upstream that two parts of a request name is the same, or none is asked", async () => {
  const upstreams = configured();
  await holds(
    fc.property(addresses, fc.option(hosts), (address, inPath) => {
      // A first component with a dot is looked for among the upstreams.
      const path = `${inPath === null ? "" : `${inPath}/`}owner/${address.path}`;
      const named = [address.ns, address.prefix, inPath]
        .filter((name) => name !== null)
        .map((name) => name.toLowerCase());
      const meant = refusedOr(() => upstreams.resolve({ ...address, path }, undefined));
      if (new Set(named).size > 1) assert.equal(meant, null);
      else assert.equal(meant?.upstream.name, named[0] ?? "docker.io");
    }),
  );
});

const names = ["docker.io", "ghcr.io", "registry.internal:5000"];

function configured(): Upstreams {
  return new Upstreams(
    names.map((name, at) => ({
      upstream: unaskedUpstream(name),
      aliases: [],
      hosts: at === 1 ? ["ghcr.io"] : [],
      default: at === 0,
    })),
  );
}

/** Nearly right ones, and text of all that means something in a target. */
function targets(): fc.Arbitrary<string> {
  const edits = fc.oneof(fc.constantFrom("%2f", "%2F", "%5c", "%252f"), foreignText("/.%?&=:@", 3));
  const near = fc
    .tuple(routes, fc.infiniteStream(fc.boolean()), fc.nat(40), edits, fc.boolean())
    .map(([route, coin, at, edit, inserted]) => {
      const target = targetOf(route, coin);
      return target.slice(0, at) + edit + target.slice(inserted ? at : at + edit.length);
    });
  const parts = ["/", "/", "v2", "tags", "list", "manifests", "blobs", "_catalog", "a", "..", "%"];
  const odd = ["%2f", "%2e", "%00", "?", "&", "ns=", "sha256:", "ghcr.io", "\\", "//", "#", "é"];
  const made = fc.array(fc.constantFrom(...parts, ...odd), { maxLength: 14 });
  return fc.oneof(
    near,
    made.map((all) => `/v2/${all.join("")}`),
    foreignText("/v2.%?:", 30),
  );
}

/** The target of a route; `coin` says of each character whether it is written by its number. */
function targetOf(route: Route, coin: Iterator<boolean>): string {
  const encoded = (text: string): string =>
    [...text].map((char) => (coin.next().value ? hexOf(char) : encodeURIComponent(char))).join("");
  const { prefix, ns, path } = route.address;
  const components = [...(prefix === null ? [] : [prefix]), "v2", ...operationOf(route, path)];
  const query = new URLSearchParams([
    ...(ns === null ? [] : [["ns", ns] as [string, string]]),
    ...queryOf(route),
  ]);
  return `/${components.map(encoded).join("/")}${query.size === 0 ? "" : `?${query}`}`;
}

function operationOf(route: Route, path: string): string[] {
  const name = path === "" ? [] : path.split("/");
  switch (route.kind) {
    case "base":
      return [""];
    case "manifest":
      return [...name, "manifests", referenceText(route.reference)];
    case "blob":
      return [...name, "blobs", route.digest];
    case "tags":
      return [...name, "tags", "list"];
    case "referrers":
      return [...name, "referrers", route.digest];
    case "catalog":
      return [...name, "_catalog"];
  }
}

function queryOf(route: Route): [string, string][] {
  const { n = null, last = null, token = null } = "page" in route ? route.page : {};
  const artifactType = route.kind === "referrers" ? route.artifactType : null;
  return Object.entries({ n, last, next_page: token, artifactType }).flatMap(([name, value]) =>
    value === null ? [] : [[name, value]],
  );
}

function componentsOf(target: string): number {
  return target.split("?", 1).join("").split("/").length;
}

function hexOf(char: string): string {
  return Buffer.from(char).toString("hex").replace(/../g, "%$&");
}

function* infinitely(value: boolean): Generator<boolean> {
  for (;;) yield value;
}
