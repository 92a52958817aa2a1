import fc from "fast-check";

// Enough to find what a slip breaks; a test that runs longer is a soak.
const usualRuns = 300;

/**
 * Tries a property with inputs made up by chance. A failure is shrunk to the smallest input that still fails, and names
 * its seed; SLUICE_PROPERTY_SEED tries that one again, and SLUICE_PROPERTY_RUNS tries more.
 */
export async function holds<Inputs>(property: fc.IRawProperty<Inputs>): Promise<void> {
  const { SLUICE_PROPERTY_RUNS: runs, SLUICE_PROPERTY_SEED: seed } = process.env;
  await fc.assert(property, {
    numRuns: runs === undefined ? usualRuns : Number(runs),
    ...(seed === undefined ? {} : { seed: Number(seed) }),
  });
}
