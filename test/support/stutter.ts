// Loaded before all else (`--import`), has each thread stand still now and then, as on a machine whose cores others take:
// what a test needs the machine's speed for fails then. Nothing runs meanwhile, and no core is used up.

const longestMs = Number(process.env["SLUICE_TEST_STUTTER_MS"] ?? 500);
const pauseMs = 2 * longestMs;

const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));

setInterval(
  () => Atomics.wait(nobodyWakes, 0, 0, Math.random() * longestMs),
  pauseMs * (0.5 + Math.random()),
).unref();
