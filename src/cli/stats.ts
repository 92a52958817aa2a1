import type { Stats, UpstreamStats } from "../admin/stats.ts";
import type { Config } from "../config/config.ts";
import { loadConfig } from "../config/load-config.ts";
import { formatBytes, formatDuration } from "../config/units.ts";
import { type Layout, layoutOf } from "../storage/layout.ts";
import { CommandError } from "./command-error.ts";
import { askDaemon } from "./control.ts";
import { openStoredDirectory } from "./stored-directory.ts";
import { type Column, renderTable } from "./table.ts";

/** As the daemon tells it, or what can be told without one: `since` is null then. */
type Told = Omit<Stats, "since"> & { readonly since: string | null };

/** `sluice stats`: what the running daemon did; without one, what is stored. */
export async function stats(options: {
  readonly config?: string;
  readonly json?: boolean;
}): Promise<void> {
  const { config, source } = await loadConfig({
    file: options.config,
    env: process.env,
    cwd: process.cwd(),
  });
  const layout = layoutOf(config.storage.directory);
  const told = (await fromDaemon(layout)) ?? (await fromDirectory(config, source));
  const text = options.json ? JSON.stringify(told, null, 2) : render(told, layout, Date.now());
  process.stdout.write(`${text}\n`);
}

async function fromDaemon(layout: Layout): Promise<Told | null> {
  const answer = await askDaemon(layout, { path: "/api/v1/stats" });
  if (!answer) return null;
  if (answer.status === 200) return answer.body as Stats;
  throw new CommandError(`the daemon answered with status ${answer.status}; its log says why`);
}

async function fromDirectory(config: Config, source: string): Promise<Told> {
  await using directory = await openStoredDirectory(config, source);
  const { usedBytes, limitBytes } = await directory.budget.usage();
  const { blobs, bytes } = await directory.catalog.usage();
  const stored = { blobs, bytes, usedBytes, limitBytes };
  return { since: null, upstreams: [], stored, fillsInFlight: 0 };
}

const columns: readonly Column[] = [
  { title: "UPSTREAM", align: "left" },
  { title: "REQUESTS", align: "right" },
  { title: "HITS", align: "right" },
  { title: "MISSES", align: "right" },
  { title: "STALE", align: "right" },
  { title: "ERRORS", align: "right" },
  { title: "SENT", align: "right" },
  { title: "RECEIVED", align: "right" },
];

function render(
  { since, upstreams, stored, fillsInFlight }: Told,
  layout: Layout,
  nowMs: number,
): string {
  const { blobs, bytes, usedBytes, limitBytes } = stored;
  const share = limitBytes > 0 ? ` (${((100 * usedBytes) / limitBytes).toFixed(1)}%)` : "";
  const storedLine = `stored   ${formatBytes(bytes)} in ${blobs} blobs, ${layout.directory}
disk     ${formatBytes(usedBytes)} of ${formatBytes(limitBytes)}${share}`;
  if (since === null)
    return `${storedLine}\nno daemon runs: requests are counted from a daemon's start`;
  const upSeconds = Math.floor((nowMs - Date.parse(since)) / 1000);
  const running = `running  ${formatDuration(upSeconds * 1000)}, ${fillsInFlight} fills in flight`;
  const table =
    upstreams.length === 0 ? "no pulls yet" : renderTable(columns, upstreams.map(rowOf));
  const unstored = upstreams.reduce((sum, stats) => sum + stats.unstored, 0);
  const warning =
    unstored > 0 ? [`unstored ${unstored} pulls: the disk took no more, see the log`] : [];
  return [running, storedLine, ...warning, "", table].join("\n");
}

function rowOf(stats: UpstreamStats): string[] {
  const { upstream, requests, hits, misses, stale, errors, sentBytes, receivedBytes } = stats;
  const counts = [requests, hits, misses, stale, errors].map(String);
  return [upstream, ...counts, formatBytes(sentBytes), formatBytes(receivedBytes)];
}
