import { h, type JSX } from "preact";
import type { ImageEntry, ImagesAnswer } from "../../admin/routes/images.ts";
import type { MovesAnswer } from "../../admin/routes/moves.ts";
import type { Now } from "../../admin/routes/now.ts";
import type { StorageAnswer } from "../../admin/routes/storage.ts";
import { formatBytes } from "../../config/units.ts";
import { useAsked } from "../ask.ts";
import { Answered } from "../parts/answered.ts";
import { ImageLink } from "../parts/name.ts";
import { Section } from "../parts/section.ts";
import { type Column, Table } from "../parts/table.ts";
import { hashOf } from "../route.ts";
import { agoWords, count, percent } from "../words.ts";
import { DiskBar } from "./disk-bar.ts";
import { MoveList } from "./move-list.ts";
import { NextToGo } from "./next-to-go.ts";
import { OutageSurvival } from "./outage-survival.ts";
import { UpstreamShares } from "./upstream-shares.ts";

const shownImages = 5;

/** What fills the disk, and what will go next. */
export function StorageView({ now }: { readonly now: Now | null }): JSX.Element {
  const storage = useAsked<StorageAnswer>("storage");
  const largest = useAsked<ImagesAnswer>(`images?sort=size&limit=${shownImages}`);
  const most = useAsked<ImagesAnswer>(`images?sort=pulls&limit=${shownImages}`);
  const moves = useAsked<MovesAnswer>("moves?limit=20");
  const nowMs = now ? Date.parse(now.at) : Date.now();
  return h("div", { class: "view" }, [
    h(Headline, { now }),
    now && h(DiskBar, { disk: now.disk }),
    h(
      Section,
      { title: "By upstream", note: "content that several have counts for each" },
      h(Answered<StorageAnswer>, {
        asked: storage,
        show: ({ upstreams }) => h(UpstreamShares, { upstreams }),
      }),
    ),
    h(NextToGo, { nowMs }),
    h("div", { class: "halves" }, [
      h(
        Section,
        {
          title: "Largest images",
          note: h("a", { href: hashOf("images", { sort: "size" }) }, "All"),
        },
        h(Answered<ImagesAnswer>, {
          asked: largest,
          show: ({ images }) =>
            h(Ranking, {
              label: "Largest images",
              images,
              columns: [imageColumn, sizeColumn, lastColumn(nowMs)],
            }),
        }),
      ),
      h(
        Section,
        {
          title: "Most pulled",
          note: h("a", { href: hashOf("images", { sort: "pulls" }) }, "All"),
        },
        h(Answered<ImagesAnswer>, {
          asked: most,
          show: ({ images }) =>
            h(Ranking, {
              label: "Most pulled images",
              images,
              columns: [imageColumn, pullsColumn, lastColumn(nowMs)],
            }),
        }),
      ),
    ]),
    h(OutageSurvival, { nowMs }),
    h(
      Section,
      { title: "Tags that moved" },
      h(Answered<MovesAnswer>, { asked: moves, show: (answer) => h(MoveList, { answer, nowMs }) }),
    ),
  ]);
}

function Headline({ now }: { readonly now: Now | null }): JSX.Element {
  if (!now) return h("h1", null, "Storage");
  const { usedBytes, limitBytes, highWatermarkBytes } = now.disk;
  const share = percent(limitBytes === 0 ? null : usedBytes / limitBytes);
  const left = highWatermarkBytes - usedBytes;
  const what =
    left > 0 ? `${formatBytes(left)} until something is evicted` : "something is evicted now";
  return h("div", null, [
    h("h1", null, `${share} of the store is used`),
    h("p", { class: "note" }, `${what}.`),
  ]);
}

interface RankingProps {
  readonly label: string;
  readonly images: readonly ImageEntry[];
  readonly columns: readonly Column<ImageEntry>[];
}

function Ranking({ label, images, columns }: RankingProps): JSX.Element {
  if (images.length === 0) return h("p", { class: "empty" }, "Nothing is stored yet.");
  return h(Table<ImageEntry>, { label, columns, rows: images, keyOf: ({ name }) => name });
}

const imageColumn: Column<ImageEntry> = {
  title: "Image",
  cell: ({ name }) => h(ImageLink, { name }),
};

const sizeColumn: Column<ImageEntry> = {
  title: "Size",
  align: "right",
  cell: ({ sizeBytes }) => formatBytes(sizeBytes),
};

const pullsColumn: Column<ImageEntry> = {
  title: "Pulls",
  align: "right",
  cell: ({ pulls }) => count(pulls),
};

function lastColumn(nowMs: number): Column<ImageEntry> {
  return {
    title: "Last pull",
    align: "right",
    isMinor: true,
    cell: ({ lastPullAt }) => agoWords(lastPullAt, nowMs),
  };
}
