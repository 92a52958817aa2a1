import { useEffect, useState } from "preact/hooks";
import { type Asked, refused } from "../ask.ts";

/** What would happen, asked for once and again with each other `about`. `plan` rejects as orders do. */
export function usePlan<Plan>(plan: () => Promise<Plan>, about: string): Asked<Plan> {
  const [known, setKnown] = useState<{ about: string; asked: Asked<Plan> } | null>(null);
  useEffect(() => {
    let isWanted = true;
    const enter = (asked: Asked<Plan>): void => {
      if (isWanted) setKnown({ about, asked });
    };
    plan().then(
      (answer) => enter({ kind: "answered", answer, isOld: false }),
      (error: unknown) => enter(refused(error)),
    );
    return () => {
      isWanted = false;
    };
  }, [about]);
  return known?.about === about ? known.asked : { kind: "asking" };
}
