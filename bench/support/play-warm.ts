import type { Contestant, Running } from "./contestant.ts";
import { idle } from "./process-tree.ts";
import type { Bench } from "./question.ts";
import type { Reading } from "./scoreboard.ts";
import { attempt, takeTurns } from "./turns.ts";

export interface WarmGame {
  readonly contestants: readonly Contestant[];
  readonly originUrl: string;
  /** Pulls what will be measured and rejects if it is wrong. Never timed. */
  readonly verify: (server: Running) => Promise<void>;
  readonly measure: (server: Running) => Promise<Reading>;
}

/**
 * Measures contestants that have it already: all are started and filled once, at the same time, then measured in turn, and in
 * the end must still give the right bytes.
 */
export async function playWarm(bench: Bench, game: WarmGame): Promise<void> {
  await using running = new AsyncDisposableStack();
  const started = await Promise.all(
    game.contestants.map((it) => attempt(bench, it.name, () => warmUp(game, it))),
  );
  const players = started.filter((player) => player !== null);
  for (const { server } of players) running.use(server);
  const finished = await takeTurns(bench, players, ({ server }) => game.measure(server));
  for (const { name, server } of finished) await attempt(bench, name, () => game.verify(server));
}

interface Player {
  readonly name: string;
  readonly server: Running;
}

async function warmUp(game: WarmGame, contestant: Contestant): Promise<Player> {
  const server = await contestant.start(game.originUrl);
  await game.verify(server);
  // registry:2.8 fetches a blob once more for itself after its client has it.
  await idle(server.pid);
  return { name: contestant.name, server };
}
