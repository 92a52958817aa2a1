import { ConfigError } from "../../config/config-error.ts";
import { formatListenAddress } from "../../config/listen-address.ts";
import { type LoadedConfig, type LoadOptions, loadConfig } from "../../config/load-config.ts";
import { type Log, openLog } from "../../telemetry/log.ts";
import { type Daemon, startDaemon } from "../../wiring/daemon.ts";
import { tellOfNode } from "../../wiring/tell-of-node.ts";
import { Signals } from "../signals.ts";
import { version } from "../version.ts";

// Kubernetes kills 30 seconds after SIGTERM; what still runs then would be cut without a word.
const drainMs = 25_000;

/** `sluice serve`: runs until SIGTERM or SIGINT. Rejects if it cannot start. */
export async function serve(options: { readonly config?: string }): Promise<void> {
  // Everything the daemon makes is its own: content of private registries among it.
  process.umask(0o077);
  const signals = new Signals();
  const place = { file: options.config, env: process.env, cwd: process.cwd() };
  const { config, source } = await loadConfig(place);
  await using output = openLog(config.log.level, process.stdout.isTTY === true);
  const { log } = output;
  const clocks = { now: Date.now, monotonicMs: () => performance.now() };
  const daemon = await startDaemon({ config, version, log, env: process.env, ...clocks });
  await using running = daemon;
  log.info(
    {
      address: formatListenAddress(running.address),
      admin: formatListenAddress(running.adminAddress),
      ...(running.metricsAddress && { metrics: formatListenAddress(running.metricsAddress) }),
      storage: config.storage.directory,
      configuration: source,
      version,
    },
    "sluice serves",
  );
  tellOfNode(process.versions.node, log);
  let reloaded = Promise.resolve();
  // One after the other: the file as it was read last is the one that counts.
  signals.onHangup(() => {
    reloaded = reloaded.then(() => reload(daemon, { ...place, inEffect: source }, log));
  });
  await untilStopped(daemon, signals, log);
  log.info("sluice stopped");
}

async function reload(daemon: Daemon, place: LoadOptions, log: Log): Promise<void> {
  try {
    const { config, source } = await readAgain(daemon, place, log);
    daemon.reload(config);
    log.info({ configuration: source }, "configuration was read again");
  } catch (error) {
    // A mistake in the file must not end a mirror that runs.
    const problems = error instanceof ConfigError ? problemsOf(error) : { err: error };
    log.error(problems, "configuration cannot be used, the old one stays");
  }
}

/** With certificates that cannot be used, where nothing else is wrong: what has good ones keeps them. */
async function readAgain(daemon: Daemon, place: LoadOptions, log: Log): Promise<LoadedConfig> {
  try {
    return await loadConfig(place);
  } catch (error) {
    const rest = await loadConfig({ ...place, certificates: daemon.certificates() }).catch(
      () => null,
    );
    if (rest === null || !(error instanceof ConfigError)) throw error;
    log.error(problemsOf(error), "certificates cannot be used, the rest is taken over");
    return rest;
  }
}

function problemsOf({ message }: ConfigError): Record<string, unknown> {
  return { problems: message.split("\n") };
}

/** Resolves when a first signal has drained the daemon; a second signal, or the deadline, cuts what still runs. */
async function untilStopped(daemon: Daemon, signals: Signals, log: Log): Promise<void> {
  log.info(
    { signal: await signals.stop, deadlineMs: drainMs },
    "sluice stops: running answers may end",
  );
  await daemon.drain(AbortSignal.any([signals.cut, AbortSignal.timeout(drainMs)]));
}
