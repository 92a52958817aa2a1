// Loaded before all else (`--import`), has each thread stand still most of the time, as on a machine whose cores others
// take: what a test needs the machine's speed for fails then. Nothing runs meanwhile, and no core is used up.

const longestMs = Number(process.env["SLUICE_TEST_STUTTER_MS"]);

const nobodyWakes = new Int32Array(new SharedArrayBuffer(4));

standStill();

function standStill(): void {
  Atomics.wait(nobodyWakes, 0, 0, Math.random() * longestMs);
  setTimeout(standStill, (Math.random() * longestMs) / 2).unref();
}
