import { h, type JSX } from "preact";
import type { ImageEntry, ImagesAnswer } from "../../admin/routes/images.ts";
import type { Now } from "../../admin/routes/now.ts";
import { formatBytes } from "../../config/units.ts";
import { useAsked } from "../ask.ts";
import { Answered } from "../parts/answered.ts";
import { Badge } from "../parts/badge.ts";
import { ImageLink } from "../parts/name.ts";
import { type Column, Table } from "../parts/table.ts";
import { Tabs } from "../parts/tabs.ts";
import { hashOf, type Route } from "../route.ts";
import { go } from "../use-route.ts";
import { agoWords, count, plural, shown } from "../words.ts";

const pageImages = 50;

const sorts = [
  { name: "pulled", title: "Last pulled" },
  { name: "size", title: "Largest" },
  { name: "pulls", title: "Most pulled" },
  { name: "name", title: "By name" },
] as const;

interface ImagesViewProps {
  readonly route: Route;
  readonly now: Now | null;
}

/** The images that are stored, page by page. */
export function ImagesView({ route: { query }, now }: ImagesViewProps): JSX.Element {
  const { q = "", cursor } = query;
  const sort = sorts.find(({ name }) => name === query["sort"])?.name ?? "pulled";
  const asked = useAsked<ImagesAnswer>(`images?${questionOf({ q, sort, cursor })}`);
  const show = (next: Record<string, string>): void =>
    go(hashOf("images", { ...(q === "" ? {} : { q }), sort, ...next }));
  return h("div", { class: "view" }, [
    h("h1", null, "Images"),
    h("div", { class: "controls" }, [
      h(SearchForm, { key: q, q, search: (written) => show({ q: written }) }),
      h(Tabs, {
        label: "Order",
        tabs: sorts,
        chosen: sort,
        choose: (name) => show({ sort: name }),
      }),
    ]),
    h(Answered<ImagesAnswer>, {
      asked,
      show: (answer) =>
        h(Page, { answer, now, next: (after) => show({ cursor: after }), isFirst: !cursor, q }),
    }),
  ]);
}

interface Question {
  readonly q: string;
  readonly sort: string;
  readonly cursor: string | undefined;
}

function questionOf({ q, sort, cursor }: Question): URLSearchParams {
  return new URLSearchParams({
    sort,
    limit: String(pageImages),
    ...(q === "" ? {} : { glob: /[*?[]/.test(q) ? q : `*${q}*` }),
    ...(cursor === undefined ? {} : { cursor }),
  });
}

function SearchForm({
  q,
  search,
}: {
  readonly q: string;
  readonly search: (written: string) => void;
}): JSX.Element {
  const submit = (event: SubmitEvent): void => {
    event.preventDefault();
    const written = new FormData(event.currentTarget as HTMLFormElement).get("q");
    if (typeof written === "string") search(written.trim());
  };
  return h("form", { class: "inline", role: "search", onSubmit: submit }, [
    h("label", { class: "unseen", for: "q" }, "Part of a name, or a pattern"),
    h("input", {
      id: "q",
      name: "q",
      type: "search",
      defaultValue: q,
      placeholder: "Part of a name, or docker.io/library/*",
    }),
    h("button", { type: "submit" }, "Search"),
  ]);
}

interface PageProps {
  readonly answer: ImagesAnswer;
  readonly now: Now | null;
  readonly q: string;
  readonly isFirst: boolean;
  readonly next: (cursor: string) => void;
}

function Page({ answer, now, q, isFirst, next }: PageProps): JSX.Element {
  const { images, matched, stored } = answer;
  if (matched === 0) return h(NoImages, { q });
  const nowMs = now ? Date.parse(now.at) : Date.now();
  const { next: after } = answer;
  return h("div", null, [
    h(
      "p",
      { class: "note count" },
      `${plural(matched, "name")} of images${q === "" ? "" : ` match ${shown(q)}`}; ${formatBytes(stored.bytes)} in ${plural(stored.blobs, "blob")} stored in all`,
    ),
    h(Table<ImageEntry>, {
      label: "Images",
      columns: columnsAt(nowMs),
      rows: images,
      keyOf: ({ name }) => name,
    }),
    h("div", { class: "pages" }, [
      !isFirst && h("button", { type: "button", onClick: () => history.back() }, "Back"),
      after !== null && h("button", { type: "button", onClick: () => next(after) }, "Next page"),
    ]),
  ]);
}

function columnsAt(nowMs: number): readonly Column<ImageEntry>[] {
  return [
    { title: "Image", cell: ({ name }) => h(ImageLink, { name }) },
    {
      title: "Platforms",
      isMinor: true,
      cell: ({ platforms }) => shown(platforms.join(", ")),
    },
    {
      title: "Here",
      isMinor: true,
      cell: ({ complete }) => (complete ? "All" : h(Badge, { tone: "warn", text: "Partly" })),
    },
    { title: "Size", align: "right", cell: ({ sizeBytes }) => formatBytes(sizeBytes) },
    {
      title: "Shared",
      align: "right",
      isMinor: true,
      cell: ({ sharedBytes }) => formatBytes(sharedBytes),
    },
    { title: "Last pull", align: "right", cell: ({ lastPullAt }) => agoWords(lastPullAt, nowMs) },
    { title: "Pulls", align: "right", cell: ({ pulls }) => count(pulls) },
  ];
}

function NoImages({ q }: { readonly q: string }): JSX.Element {
  if (q !== "") return h("p", { class: "empty" }, `Nothing that is stored matches ${shown(q)}.`);
  return h("div", { class: "first" }, [
    h("h2", null, "Nothing is stored yet"),
    h("p", null, [
      "What clients pull through the mirror is kept here. ",
      h("a", { href: hashOf("clients") }, "How to tell them"),
    ]),
  ]);
}
