import type { Bench, Size } from "./question.ts";
import type { Reading } from "./scoreboard.ts";

/**
 * Lets the players measure in turn, A B A B, so that a machine that slows down or speeds up does so
 * for all. The first rounds may be thrown away: pages, branches and JIT are new in them, and they take no turns. A player
 * that fails is noted and plays no more; the others go on, and are returned.
 */
export async function takeTurns<Player extends { readonly name: string }>(
  bench: Bench,
  players: readonly Player[],
  measure: (player: Player) => Promise<Reading>,
): Promise<readonly Player[]> {
  const { rounds, discardedRounds } = bench.size;
  for (let round = 0; round < discardedRounds; round += 1) await rehearse(bench, players, measure);
  let left = players;
  for (let round = 0; round < rounds; round += 1) {
    for (const player of left) {
      const reading = await attempt(bench, player.name, () => measure(player));
      if (reading === null) left = left.filter((other) => other !== player);
      else bench.board.add(player.name, reading);
    }
  }
  return left;
}

/** All play at once, for nothing of it is kept. Who fails does so in its turn as well, where nobody else can be the cause. */
async function rehearse<Player>(
  { lab }: Bench,
  players: readonly Player[],
  measure: (player: Player) => Promise<Reading>,
): Promise<void> {
  await Promise.allSettled(players.map(measure));
  lab.signal.throwIfAborted();
}

/** For each round whether it counts: the first are thrown away. */
export function* roundsOf({
  rounds,
  discardedRounds,
}: Pick<Size, "rounds" | "discardedRounds">): Generator<boolean> {
  for (let round = -discardedRounds; round < rounds; round += 1) yield round >= 0;
}

/** The same with so many rounds: of what starts everyone anew, or takes long in another way. */
export function withRounds(bench: Bench, rounds: number, discardedRounds: number): Bench {
  return { ...bench, size: { ...bench.size, rounds, discardedRounds } };
}

/**
 * What `work` gives. If it fails: null, a note of why, and what `name` has scored so far is struck.
 * Rejects only when the run is ending.
 */
export async function attempt<T>(
  bench: Bench,
  name: string,
  work: () => Promise<T>,
): Promise<T | null> {
  try {
    return await work();
  } catch (error) {
    bench.lab.signal.throwIfAborted();
    bench.board.strike(name);
    bench.board.note(`${name}: ${error instanceof Error ? error.message : String(error)}`);
    return null;
  }
}
