import { stat } from "node:fs/promises";
import { formatBytes } from "../config/units.ts";
import { whatIsDamaged } from "../storage/catalog/file/quick-check.ts";
import type { Layout } from "../storage/layout.ts";
import { type Finding, fail, ok } from "./finding.ts";

// SQLite reads all of it, and meanwhile its log cannot be taken in: some 2 s for 500,000 blobs.
const limitBytes = 256 * 1024 * 1024;

const subject = "storage";

/** Whether the catalog is whole. Waits for no write, and holds up none. */
export async function* checkCatalog({
  catalogFile,
  catalogDamage,
}: Layout): AsyncGenerator<Finding> {
  const status = await stat(catalogFile).catch(() => null);
  if (status === null) return;
  const isMarked = (await stat(catalogDamage).catch(() => null)) !== null;
  const damage = isMarked || status.size > limitBytes ? null : await whatIsDamaged(catalogFile);
  if (isMarked || damage !== null) {
    const what = damage === null ? "" : ` (${damage})`;
    yield fail(
      subject,
      `the catalog ${catalogFile} is damaged${what}`,
      "restart sluice: it sets the file aside and goes on with its newest backup",
    );
  } else if (status.size > limitBytes) {
    yield ok(subject, `the catalog has ${formatBytes(status.size)}: too much to look through here`);
  } else yield ok(subject, `the catalog is whole (${formatBytes(status.size)})`);
}
