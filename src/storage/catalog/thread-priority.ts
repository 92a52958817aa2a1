import { constants, getPriority, setPriority } from "node:os";

/**
 * Lets the threads that answer pulls go before the calling one where there are fewer cores than threads with work: where no
 * core is free, the calling thread gets a tenth of what it would.
 */
export function goBehindPulls(): void {
  // Elsewhere it would be the priority of the whole process.
  if (process.platform !== "linux") return;
  const behind = getPriority() + constants.priority.PRIORITY_BELOW_NORMAL;
  try {
    setPriority(Math.min(constants.priority.PRIORITY_LOW, behind));
  } catch {
    // A filter of system calls forbids it.
  }
}
