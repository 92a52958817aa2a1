/** The keys and positions that lead to a value. */
export type KeyPath = readonly (string | number)[];

/** Something wrong with a value, or with the key it stands behind. */
export interface Finding {
  readonly path: KeyPath;
  readonly at: "key" | "value";
  readonly message: string;
}

/** `upstreams.ghcr.io.endpoints[0]` */
export function pathText(path: KeyPath): string {
  return path
    .map((step) => (typeof step === "number" ? `[${step}]` : `.${step}`))
    .join("")
    .replace(/^\./, "");
}
