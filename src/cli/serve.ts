import { ConfigError } from "../config/config-error.ts";
import { formatListenAddress } from "../config/listen-address.ts";
import { loadConfig } from "../config/load-config.ts";
import { type Daemon, startDaemon } from "../daemon.ts";
import { createLog, flushLog, type Log } from "../telemetry/log.ts";
import { version } from "./version.ts";

// Kubernetes kills 30 seconds after SIGTERM; what still runs then would be cut without a word.
const drainMs = 25_000;

/** `sluice serve`: runs until SIGTERM or SIGINT. Rejects if it cannot start. */
export async function serve(options: { readonly config?: string }): Promise<void> {
  // Everything the daemon makes is its own: content of private registries among it.
  process.umask(0o077);
  const place = { file: options.config, env: process.env, cwd: process.cwd() };
  const { config, source } = await loadConfig(place);
  const log = createLog(config.log.level, process.stdout.isTTY === true);
  const clocks = { now: Date.now, monotonicMs: () => performance.now() };
  const daemon = await startDaemon({ config, version, log, env: process.env, ...clocks });
  await using running = daemon;
  log.info(
    {
      address: formatListenAddress(running.address),
      admin: formatListenAddress(running.adminAddress),
      storage: config.storage.directory,
      configuration: source,
      version,
    },
    "sluice serves",
  );
  process.on("SIGHUP", () => void reload(daemon, place, log));
  await untilStopped(daemon, log);
  log.info("sluice stopped");
  await flushLog(log);
}

async function reload(
  daemon: Daemon,
  place: Parameters<typeof loadConfig>[0],
  log: Log,
): Promise<void> {
  try {
    const { config, source } = await loadConfig(place);
    daemon.reload(config);
    log.info({ configuration: source }, "configuration was read again");
  } catch (error) {
    // A mistake in the file must not end a mirror that runs.
    const problems =
      error instanceof ConfigError ? { problems: error.message.split("\n") } : { err: error };
    log.error(problems, "configuration cannot be used, the old one stays");
  }
}

/** Resolves when a first signal has drained the daemon; a second signal, or the deadline, cuts what still runs. */
async function untilStopped(daemon: Daemon, log: Log): Promise<void> {
  const cut = new AbortController();
  const { promise: signalled, resolve } = Promise.withResolvers<NodeJS.Signals>();
  let signals = 0;
  const onSignal = (signal: NodeJS.Signals): void => {
    signals++;
    if (signals > 1) cut.abort();
    resolve(signal);
  };
  process.on("SIGTERM", onSignal).on("SIGINT", onSignal);
  log.info(
    { signal: await signalled, deadlineMs: drainMs },
    "sluice stops: running answers may end",
  );
  const deadline = setTimeout(() => cut.abort(), drainMs);
  await daemon.drain(cut.signal);
  clearTimeout(deadline);
}
