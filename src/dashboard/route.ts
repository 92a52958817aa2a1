/** What the page shows; its URL says all of it, so that it can be sent to others. */
export interface Route {
  readonly view: View;
  /** Of the view `image`, its full name. */
  readonly image: string;
  readonly query: Readonly<Record<string, string>>;
}

export type View = "now" | "time" | "storage" | "images" | "image" | "clients";

const views: readonly View[] = ["now", "time", "storage", "images", "image", "clients"];

/** What a hash such as `#/images?sort=size` means; what it is not, is "now". */
export function parseRoute(hash: string): Route {
  const [path = "", search = ""] = hash.replace(/^#\/?/, "").split("?", 2);
  const [name = "", ...rest] = path.split("/");
  const view = views.find((one) => one === name) ?? "now";
  return {
    view,
    image: decoded(rest.join("/")),
    query: Object.fromEntries(new URLSearchParams(search)),
  };
}

/** The hash that `parseRoute` reads. */
export function hashOf(
  view: View,
  query: Readonly<Record<string, string>> = {},
  image: string = "",
): string {
  const search = new URLSearchParams(query).toString();
  const path = image === "" ? view : `${view}/${encodeURIComponent(image)}`;
  return `#/${path}${search === "" ? "" : `?${search}`}`;
}

export function imageHash(name: string): string {
  return hashOf("image", {}, name);
}

function decoded(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
