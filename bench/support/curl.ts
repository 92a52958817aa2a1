import { execFile } from "node:child_process";
import { promisify } from "node:util";

/** What one curl got, as curl timed it: from the name of the host to the last byte. */
export interface Transfer {
  readonly bytes: number;
  readonly seconds: number;
}

export interface CurlPull {
  readonly url: string;
  /** Any other length is an error, as is any status but 200. */
  readonly sizeBytes: number;
  readonly times: number;
  /** Of an https URL. */
  readonly tls?: CurlTls;
  readonly signal: AbortSignal;
}

export interface CurlTls {
  readonly caFile: string;
  /** What must be spoken within. */
  readonly http: "1.1" | "2";
}

/**
 * Pulls `url` into /dev/null, `times` times over one connection.
 *
 * curl because it is a client people use and, of those tried here, the one that holds the server up
 * least: nginx gave it 5 GB/s where a Node client reading into one reused buffer got 3 to 4. Hashing
 * would make the client the bottleneck, so here only status and length are checked; the content is
 * checked by `pullVerified` before and after.
 */
export async function curlPull(pull: CurlPull): Promise<Transfer> {
  const targets = Array.from({ length: pull.times }, () => ["--output", "/dev/null", pull.url]);
  const { stdout } = await promisify(execFile)(
    "curl",
    [...options, ...tlsOptions(pull), ...targets.flat()],
    {
      signal: pull.signal,
    },
  );
  const transfers = stdout.trim().split("\n").map(parseTransfer);
  const wrong = transfers.find((transfer) => !isWhole(transfer, pull));
  if (wrong !== undefined) {
    const { status, bytes, http } = wrong;
    throw new Error(
      `${pull.url}: HTTP/${http}, status ${status}, ${bytes} of ${pull.sizeBytes} bytes`,
    );
  }
  return {
    bytes: pull.sizeBytes * pull.times,
    seconds: transfers.reduce((sum, transfer) => sum + transfer.seconds, 0),
  };
}

/** Pulls `url` by `clients` at once. Timed from the first's start to the last's end. */
export async function curlTogether(
  clients: number,
  pull: Omit<CurlPull, "times">,
): Promise<Transfer> {
  const startMs = performance.now();
  await Promise.all(Array.from({ length: clients }, () => curlPull({ ...pull, times: 1 })));
  return { bytes: pull.sizeBytes * clients, seconds: (performance.now() - startMs) / 1_000 };
}

const options = [
  "--silent",
  "--show-error",
  "--max-time",
  "120",
  "--write-out",
  "%{http_version} %{http_code} %{size_download} %{time_total}\\n",
];

function tlsOptions({ tls }: CurlPull): readonly string[] {
  if (tls === undefined) return [];
  return ["--tlsv1.3", "--cacert", tls.caFile, `--http${tls.http}`];
}

interface EndedTransfer extends Transfer {
  readonly http: string;
  readonly status: number;
}

function isWhole({ http, status, bytes }: EndedTransfer, { sizeBytes, tls }: CurlPull): boolean {
  return status === 200 && bytes === sizeBytes && (tls === undefined || http === tls.http);
}

function parseTransfer(line: string): EndedTransfer {
  const [http = "", ...figures] = line.split(" ");
  const [status = 0, bytes = 0, seconds = Number.NaN] = figures.map(Number);
  return { http, status, bytes, seconds };
}
