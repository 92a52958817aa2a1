import { createHook } from "node:async_hooks";

/**
 * Has one of the objects that Node queues for `process.nextTick` live as long as the process, in which every request makes several.
 * V8 lets go of the shape of objects of which a full collection finds none, and from then on `nextTick` is slow for good, for it
 * sets its computed keys by calls into V8 (`Runtime_DefineKeyedOwnPropertyInLiteral`): 4 of the 18 us that Node's HTTP
 * takes for a request.
 */
export function keepTickShape(): void {
  const ticks: object[] = [];
  const hook = createHook({
    init(_id, type, _trigger, tick) {
      if (type === "TickObject") ticks.push(tick);
    },
  });
  hook.enable();
  process.nextTick(() => {});
  hook.disable();
  // What holds it.
  process.once("exit", () => ticks.pop());
}
