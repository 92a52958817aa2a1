// The catalog, the log and threads have some 40, connections that are told why they are refused 32; the rest is for the
// admin API and its socket.
const keptFiles = 96;

// A pull takes its connection, a file, and often a connection to an upstream.
const filesPerConnection = 3;

// Some 3,000 machines that pull at once. An idle connection costs some 16 KiB (test/soak/a-crowd-of-idle-clients.ts), so
// that this many cost 160 MiB.
const mostConnections = 10_000;

// Below that a mirror is of no use, and descriptors that are missing are told to whoever needed one.
const fewestConnections = 16;

/** How many connections clients may have where nobody says it: as many as there are descriptors for. */
export function usualConnections(openFilesLimit: number | null): number {
  if (openFilesLimit === null) return mostConnections;
  const affordable = Math.floor((openFilesLimit - keptFiles) / filesPerConnection);
  return Math.min(mostConnections, Math.max(fewestConnections, affordable));
}

// Each download has a connection, and some hundred KiB in memory while it comes faster than the disk takes it. More at a time
// from one registry come no sooner.
const mostOfUpstream = 512;

// A pull asks several things at a time.
const fewestOfUpstream = 8;

/** The same of an upstream: when one takes all that it may, there is as much for the others. */
export function usualUpstreamConnections(openFilesLimit: number | null): number {
  const affordable = Math.floor(usualConnections(openFilesLimit) / 2);
  return Math.min(mostOfUpstream, Math.max(fewestOfUpstream, affordable));
}
