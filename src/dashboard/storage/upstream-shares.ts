import { h, type JSX } from "preact";
import { formatBytes } from "../../config/units.ts";
import type { StoredOfUpstream } from "../../storage/images/stored-by-upstream.ts";
import { Bar } from "../parts/bar.ts";
import { Name } from "../parts/name.ts";
import { plural, shown } from "../words.ts";

/** How much is stored of each upstream, beside the one with most. */
export function UpstreamShares({
  upstreams,
}: {
  readonly upstreams: readonly StoredOfUpstream[];
}): JSX.Element {
  const most = upstreams[0]?.bytes ?? 0;
  if (most === 0) return h("p", { class: "empty" }, "Nothing is stored yet.");
  return h(
    "ul",
    { class: "shares" },
    upstreams.map(({ upstream, blobs, bytes }) =>
      h("li", { key: upstream }, [
        upstream === null ? h("span", null, "of no repository") : h(Name, { text: upstream }),
        h(Bar, { label: `Stored of ${shown(upstream ?? "no repository")}`, share: bytes / most }),
        h("span", { class: "number" }, formatBytes(bytes)),
        h("span", { class: "number note" }, plural(blobs, "blob")),
      ]),
    ),
  );
}
