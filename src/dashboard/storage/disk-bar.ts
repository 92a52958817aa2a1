import { h, type JSX } from "preact";
import type { DiskStats } from "../../admin/disk-stats.ts";
import { formatBytes } from "../../config/units.ts";
import { percent } from "../words.ts";

interface Part {
  readonly name: "content" | "arriving" | "overhead";
  readonly title: string;
  readonly bytes: number;
}

/** What is taken of the bound, and by what; with the marks where evicting begins and ends. */
export function DiskBar({ disk }: { readonly disk: DiskStats }): JSX.Element {
  const { usedBytes, limitBytes, arrivingBytes, overheadBytes } = disk;
  // Somebody may have lowered the bound: then more is used than may be.
  const wholeBytes = Math.max(limitBytes, usedBytes, 1);
  const parts: readonly Part[] = [
    {
      name: "content",
      title: "Content",
      bytes: Math.max(0, usedBytes - arrivingBytes - overheadBytes),
    },
    { name: "arriving", title: "Arriving", bytes: arrivingBytes },
    { name: "overhead", title: "Catalog and directories", bytes: overheadBytes },
  ];
  const width = (bytes: number): { width: string } => ({ width: `${(100 * bytes) / wholeBytes}%` });
  const mark = (bytes: number, name: string): JSX.Element =>
    h("i", { class: `mark-line ${name}`, style: { left: `${(100 * bytes) / wholeBytes}%` } });
  return h("div", { class: "disk" }, [
    h("p", { class: "amount" }, [
      h("strong", null, formatBytes(usedBytes)),
      ` of ${formatBytes(limitBytes)} used, ${percent(limitBytes === 0 ? null : usedBytes / limitBytes)}`,
    ]),
    h("div", { class: "stack", "aria-hidden": "true" }, [
      parts.map(({ name, bytes }) => h("div", { key: name, class: name, style: width(bytes) })),
      mark(disk.lowWatermarkBytes, "low"),
      mark(disk.highWatermarkBytes, "high"),
    ]),
    h("ul", { class: "legend" }, [
      parts.map(({ name, title, bytes }) =>
        h("li", { key: name }, [
          h("i", { class: `key ${name}` }),
          `${title} `,
          h("b", null, formatBytes(bytes)),
        ]),
      ),
      h("li", null, [
        h("i", { class: "key marks" }),
        "Evicting from ",
        h("b", null, formatBytes(disk.highWatermarkBytes)),
        " down to ",
        h("b", null, formatBytes(disk.lowWatermarkBytes)),
      ]),
    ]),
  ]);
}
