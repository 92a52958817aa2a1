/** A share of 1: `87.3%`; nothing where there is none. */
export function percent(share: number | null): string {
  return share === null ? "" : `${(100 * share).toFixed(1)}%`;
}
