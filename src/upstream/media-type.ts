import { declaredMediaType, manifestMediaTypes } from "../oci/manifest.ts";
import type { AnswerHeaders } from "./exchange/answer-body.ts";

export type MediaType =
  | { readonly kind: "media-type"; readonly name: string }
  | { readonly kind: "nonsense"; readonly reason: string };

/**
 * The media type of a manifest: from `Content-Type`, else from its `mediaType`. What is no manifest by either,
 * such as a captive portal's page with status 200, is nonsense, and so is a contradiction of the two:
 * clients judge content by its type, so a lie about it could change what a digest means.
 */
export function mediaTypeOf(headers: AnswerHeaders, bytes: Buffer): MediaType {
  const header = (headers["content-type"] ?? "").split(";")[0]?.trim().toLowerCase() ?? "";
  const declared = declaredMediaType(bytes);
  if (isManifestType(header) && (declared === null || declared === header)) {
    return { kind: "media-type", name: header };
  }
  if (isManifestType(header)) {
    return nonsense(`a manifest that says it is "${declared}" came as "${header}"`);
  }
  if (declared !== null && isManifestType(declared) && isVague(header)) {
    return { kind: "media-type", name: declared };
  }
  return nonsense(`a manifest came with the content type "${header}"`);
}

// Artifacts may have manifests of types of their own; all that are known end so.
function isManifestType(name: string): boolean {
  return manifestMediaTypes.includes(name) || /^application\/vnd\.[\w.-]{1,200}\+json$/.test(name);
}

function isVague(header: string): boolean {
  return ["", "application/json", "application/octet-stream", "text/plain"].includes(header);
}

function nonsense(reason: string): MediaType {
  return { kind: "nonsense", reason: reason.slice(0, 300) };
}
