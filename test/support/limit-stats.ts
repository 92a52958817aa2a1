import type { LimitStats } from "../../src/admin/limit-stats.ts";

/** What is left to the first account at Docker Hub, as docs/registries.md shows it. */
export const hubLimit: LimitStats = {
  upstream: "docker.io",
  endpoint: "registry-1.docker.io",
  account: "1",
  state: "fine",
  limit: 200,
  remaining: 140,
  windowSeconds: 21_600,
  source: null,
  emptyInSeconds: 2_450,
  waitSeconds: 0,
};
