import type { Answer } from "./fake-upstream.ts";

/** Lists tags as large registries do, `pageSize` at a time: distribution spec 1.1, "Listing Tags". */
export function pagedTags(name: string, tags: readonly string[], pageSize: number): Answer {
  return (request, response) => {
    const query = new URL(request.url ?? "", "http://registry").searchParams;
    const n = Math.min(pageSize, Number(query.get("n") ?? pageSize));
    const after = tags.toSorted().filter((tag) => tag > (query.get("last") ?? ""));
    const page = after.slice(0, n);
    const hasNext = page.length > 0 && page.length < after.length;
    const next = `/v2/${name}/tags/list?n=${n}&last=${page.at(-1)}`;
    response.writeHead(200, {
      "content-type": "application/json",
      ...(hasNext ? { link: `<${next}>; rel="next"` } : {}),
    });
    response.end(JSON.stringify({ name, tags: page }));
  };
}
