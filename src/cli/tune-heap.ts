import { setFlagsFromString } from "node:v8";

/**
 * Sets V8's heap up for a process through which bytes flow; to be called before the daemon's modules are loaded. Every
 * read of a socket makes a buffer outside of V8's heap that is garbage a moment later. By default V8 collects those
 * with its whole heap, each time that 64 MB of them have gathered (44 times in a 1 GiB fill); with a new space that
 * stays small they go with the cheap collections of young objects. Measured with a 1 GiB fill on 2 cores, Node 24.21:
 * 1.2 instead of 2.1 s of user CPU, 200 instead of 235 MB resident at most.
 *
 * What outlives such a collection, as all of a request that waits does, is garbage of the whole heap then. By default V8 lets
 * that grow to four times what it holds before it collects it; here to twice (`bench/NOTES.md`, "Hours of pulls").
 */
export function tuneHeap(): void {
  setFlagsFromString("--external-memory-accounted-in-global-limit");
  setFlagsFromString("--max-semi-space-size=2");
  setFlagsFromString("--semi-space-growth-factor=1");
  setFlagsFromString("--heap-growing-percent=100");
}
