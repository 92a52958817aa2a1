/**
 * All rows that `pageAfter` reads, page by page: the first `pageRows` behind a row, or from the beginning. Each page can be a
 * transaction of its own, of some milliseconds: an old snapshot keeps the writer from shortening its log.
 */
export function* rowPages<Row>(
  pageRows: number,
  pageAfter: (last: Row | undefined, pageRows: number) => readonly Row[],
): Generator<Row> {
  for (let last: Row | undefined; ; ) {
    const rows = pageAfter(last, pageRows);
    yield* rows;
    if (rows.length < pageRows) return;
    last = rows.at(-1);
  }
}
