/** What is to be served under which DNS name; names compare without regard to case. */
export class NamesServed<Value> {
  readonly #byName = new Map<string, Value>();

  /** Of two that are for the same name the first has it. */
  constructor(served: Iterable<{ readonly names: readonly string[]; readonly value: Value }>) {
    for (const { names, value } of served) {
      for (const name of names) {
        const key = name.toLowerCase();
        if (!this.#byName.has(key)) this.#byName.set(key, value);
      }
    }
  }

  /** For a name as a client wrote it, which may be any bytes; null if nothing is for it. Never throws. */
  for(written: string): Value | null {
    const name = written.toLowerCase();
    // RFC 9525, section 6.3: the star stands for the whole of the first label, and for no further one.
    const wildcard = name.replace(/^[^.]*/, "*");
    // Nobody is served the star's certificate for a name that is a star.
    if (name.startsWith("*")) return null;
    return this.#byName.get(name) ?? this.#byName.get(wildcard) ?? null;
  }
}
