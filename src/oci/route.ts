import { type Digest, parseDigest } from "./digest.ts";
import { DistributionError } from "./distribution-error.ts";
import { parseTag, type Reference, type Tag } from "./reference.ts";

/** Where a request points, as it was written: which upstream it means is not decided here. */
export interface Address {
  /** `?ns=HOST`, which containerd and BuildKit add. */
  readonly ns: string | null;
  /** The component before `/v2`, if there is one. */
  readonly prefix: string | null;
  /** What stands between `/v2/` and the operation; its first component may be a prefix too. */
  readonly path: string;
}

/** Which page of a listing, as it was written. */
export interface Page {
  readonly n: string | null;
  readonly last: string | null;
  /** `next_page`, by which quay.io names its pages in place of `last`. */
  readonly token: string | null;
}

/** What a request asks for: the pull half of the distribution spec 1.1. */
export type Route =
  | { readonly kind: "base"; readonly address: Address }
  | { readonly kind: "manifest"; readonly address: Address; readonly reference: Reference }
  | { readonly kind: "blob"; readonly address: Address; readonly digest: Digest }
  | { readonly kind: "tags"; readonly address: Address; readonly page: Page }
  | {
      readonly kind: "referrers";
      readonly address: Address;
      readonly digest: Digest;
      /** Only those of this type; null for all. */
      readonly artifactType: string | null;
    }
  /** What is cached; the path of the address is empty or a prefix. */
  | { readonly kind: "catalog"; readonly address: Address; readonly page: Page };

/**
 * Reads a request target (origin-form, as it came over the wire). Throws DistributionError for what
 * is no endpoint of the spec, or names a tag or digest outside its grammar. Nothing is normalised: `//`,
 * `..` and encoded slashes are components that no name has.
 */
export function parseRoute(target: string): Route {
  const { path, query } = splitTarget(target);
  const segments = path.split("/").map(decodeSegment);
  const { prefix, rest } = splitAtVersion(segments);
  const address = (name: readonly string[]): Address => ({
    ns: nsOf(query),
    prefix,
    path: name.join("/"),
  });
  if (rest.length === 0 || (rest.length === 1 && rest[0] === "")) {
    return { kind: "base", address: address([]) };
  }
  const [operation, last = ""] = rest.slice(-2);
  const name = address(rest.slice(0, -2));
  if (operation === "manifests")
    return { kind: "manifest", address: name, reference: readReference(last) };
  if (operation === "blobs") return { kind: "blob", address: name, digest: readDigest(last) };
  if (operation === "tags" && last === "list") {
    return { kind: "tags", address: name, page: pageOf(query) };
  }
  if (operation === "referrers") {
    const artifactType = query.get("artifactType") || null;
    return { kind: "referrers", address: name, digest: readDigest(last), artifactType };
  }
  // The last, for it is also a tag. What stands before it is a prefix, and an empty one is none.
  if (rest.at(-1) === "_catalog" && rest[0] !== "") {
    return { kind: "catalog", address: address(rest.slice(0, -1)), page: pageOf(query) };
  }
  throw notAnEndpoint();
}

/** The path of a target, as it is written, and what its query says. */
export function splitTarget(target: string): { path: string; query: URLSearchParams } {
  const mark = target.indexOf("?");
  if (mark < 0) return { path: target, query: new URLSearchParams() };
  return { path: target.slice(0, mark), query: new URLSearchParams(target.slice(mark + 1)) };
}

/** `ns` of a query, once or several times the same. Throws DistributionError for two that differ. */
export function nsOf(query: URLSearchParams): string | null {
  const named = new Set(query.getAll("ns").filter((ns) => ns !== ""));
  if (named.size > 1) {
    throw new DistributionError(
      "NAME_UNKNOWN",
      `ns is given more than once: ${[...named].slice(0, 2).map(quote).join(" and ")}`,
    );
  }
  return [...named][0] ?? null;
}

/** A component that can be a prefix: it has a `.` or a `:`, so no Docker Hub namespace looks like it. */
export function looksLikeHost(component: string): boolean {
  return component.includes(".") || component.includes(":");
}

/** What a client wrote, as it comes back to it in a message: not at any length. */
export function quote(text: string): string {
  return `"${text.slice(0, 100)}"`;
}

function splitAtVersion(segments: readonly string[]): { prefix: string | null; rest: string[] } {
  const [empty, first, second] = segments;
  if (empty === "" && first === "v2") return { prefix: null, rest: segments.slice(2) };
  if (empty === "" && first !== undefined && second === "v2") {
    if (looksLikeHost(first)) return { prefix: first, rest: segments.slice(3) };
    throw new DistributionError(
      "NAME_UNKNOWN",
      `${quote(first)} before /v2 names no upstream: a prefix is the host of a configured upstream, such as /ghcr.io/v2/`,
    );
  }
  throw notAnEndpoint();
}

function decodeSegment(segment: string): string {
  if (!segment.includes("%")) return segment;
  try {
    const decoded = decodeURIComponent(segment);
    if (!decoded.includes("/")) return decoded;
  } catch {
    // Not valid percent-encoded UTF-8: the same answer as for an encoded slash.
  }
  throw new DistributionError(
    "NAME_INVALID",
    "a path component has percent-encoding that no name, tag or digest needs",
  );
}

function readReference(text: string): Reference {
  if (text.includes(":")) return { kind: "digest", digest: readDigest(text) };
  return { kind: "tag", tag: readTag(text) };
}

function pageOf(query: URLSearchParams): Page {
  return { n: query.get("n"), last: query.get("last"), token: query.get("next_page") };
}

/** Throws DistributionError for what is no tag. */
export function readTag(text: string): Tag {
  const tag = parseTag(text);
  if (tag) return tag;
  throw new DistributionError(
    "MANIFEST_INVALID",
    "the reference is no tag: a tag has 1 to 128 characters of letters, digits, '_', '.' and '-', and does not begin with '.' or '-'",
  );
}

/** Throws DistributionError for what is no digest. */
export function readDigest(text: string): Digest {
  const digest = parseDigest(text);
  if (digest) return digest;
  throw new DistributionError(
    "DIGEST_INVALID",
    "the digest is not sha256: and 64, or sha512: and 128, lower-case hex digits",
  );
}

function notAnEndpoint(): DistributionError {
  return new DistributionError(
    "UNSUPPORTED",
    "no endpoint of this mirror: it answers /v2/, /v2/NAME/manifests/REFERENCE, /v2/NAME/blobs/DIGEST, /v2/NAME/tags/list, /v2/NAME/referrers/DIGEST and /v2/_catalog. Its dashboard and metrics are at admin.listen, by default port 5001 of its own machine",
    { status: 404 },
  );
}
