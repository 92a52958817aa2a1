import { judgeNode } from "../doctor/process-check.ts";
import type { Log } from "../telemetry/log.ts";

/** Says once, at the start, that this Node has holes that are known, and what to do. Nothing is refused for it. */
export function tellOfNode(version: string, log: Log): void {
  const { verdict, found, remedy } = judgeNode(version);
  if (verdict === "warn") log.warn({ remedy }, `sluice serves all the same, but ${found}`);
}
