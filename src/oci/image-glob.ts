/**
 * A pattern over names of images: `docker.io/library/alpine:3.20`, `ghcr.io/owner/image@sha256:…`. `*` stands for any
 * characters, `/` too, `?` for one, `[a-z]` and `[!a-z]` for one of a set. What stands behind the last component's `:` or
 * `@` is compared with the tag or the digest; a pattern without either matches its repositories whatever is asked of them.
 */
export class ImageGlob {
  readonly #repository: readonly Step[];
  /** With the `:` or `@`; null: whatever it is, and none. */
  readonly #reference: readonly Step[] | null;

  private constructor(repository: readonly Step[], reference: readonly Step[] | null) {
    this.#repository = repository;
    this.#reference = reference;
  }

  /** Returns null for a pattern that is empty, too long, or has a set that is not closed. */
  static parse(pattern: string): ImageGlob | null {
    if (pattern === "" || pattern.length > patternLimitChars) return null;
    const parts = splitAtReference(pattern);
    const repository = stepsOf(parts.repository);
    const reference = stepsOf(parts.reference);
    if (!repository || !reference) return null;
    return new ImageGlob(repository, reference.length === 0 ? null : reference);
  }

  /** Whether it is about tags or digests, and not about repositories whatever is asked of them. */
  get hasReference(): boolean {
    return this.#reference !== null;
  }

  /** Of a name that `imageName` gives. */
  matches(name: string): boolean {
    const { repository, reference } = splitAtReference(name);
    if (!spans(this.#repository, repository.length, takesChar(repository))) return false;
    return (
      this.#reference === null || spans(this.#reference, reference.length, takesChar(reference))
    );
  }

  /** Whether it matches all that the other one does. A yes is right; a no may not be, where it takes sets to tell. */
  covers(other: ImageGlob): boolean {
    const repository = other.#repository;
    if (!spans(this.#repository, repository.length, takesStep(repository))) return false;
    const reference = other.#reference;
    if (this.#reference === null) return true;
    return reference !== null && spans(this.#reference, reference.length, takesStep(reference));
  }
}

/** What one character, or any number of them, may be. */
type Step =
  | { readonly kind: "any" }
  /** `text` is how the pattern says it. */
  | { readonly kind: "one"; readonly text: string; readonly matches: (char: string) => boolean };

// A line of a configuration file; matching costs pattern times name at most.
const patternLimitChars = 512;

/**
 * A name of an image, or a pattern over such names, without its tag or digest, and these with the `:` or `@`; "" for none.
 * A port is no tag: only what stands in the last component counts.
 */
export function splitAtReference(text: string): { repository: string; reference: string } {
  const component = text.lastIndexOf("/") + 1;
  const at = text.slice(component).search(/[:@]/);
  if (at < 0) return { repository: text, reference: "" };
  return { repository: text.slice(0, component + at), reference: text.slice(component + at) };
}

function stepsOf(pattern: string): Step[] | null {
  const steps: Step[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? "";
    if (char === "*") steps.push({ kind: "any" });
    else if (char === "?") steps.push({ kind: "one", text: char, matches: () => true });
    else if (char !== "[")
      steps.push({ kind: "one", text: char, matches: (other) => other === char });
    else {
      const end = pattern.indexOf("]", at + 2);
      if (end < 0) return null;
      const text = pattern.slice(at, end + 1);
      steps.push({ kind: "one", text, matches: setOf(text.slice(1, -1)) });
      at = end;
    }
  }
  return steps;
}

function setOf(text: string): (char: string) => boolean {
  const negated = text.startsWith("!");
  const members = negated ? text.slice(1) : text;
  const ranges = [...members.matchAll(/(.)-(.)|(.)/gs)].map(([, from, to, single]) => ({
    from: from ?? single ?? "",
    to: to ?? single ?? "",
  }));
  return (char) => ranges.some(({ from, to }) => from <= char && char <= to) !== negated;
}

/** Whether a step that is no `*` takes what is at a position. */
type Takes = (step: OneStep, at: number) => boolean;

type OneStep = Extract<Step, { kind: "one" }>;

function takesChar(text: string): Takes {
  return (step, at) => step.matches(text[at] ?? "");
}

/** Steps of another pattern in the place of characters. */
function takesStep(steps: readonly Step[]): Takes {
  return (step, at) => {
    const other = steps[at];
    if (other?.kind !== "one") return false;
    if (step.text === "?" || step.text === other.text) return true;
    return isLiteral(other) && step.matches(other.text);
  };
}

function isLiteral({ text }: OneStep): boolean {
  return text.length === 1 && text !== "?";
}

/** Goes back to the last `*` only, which is enough: so it takes pattern times length steps at most. */
function spans(steps: readonly Step[], length: number, takes: Takes): boolean {
  let at = 0;
  let step = 0;
  // What follows the last `*`, and where that has to be tried next; -1: there was none yet.
  let behindStar = -1;
  let next = 0;
  while (at < length) {
    const current = steps[step];
    if (current?.kind === "any") {
      behindStar = ++step;
      next = at;
      // It stands for all that is left.
      if (behindStar === steps.length) return true;
    } else if (current && takes(current, at)) {
      step++;
      at++;
    } else if (behindStar >= 0) {
      step = behindStar;
      at = ++next;
    } else return false;
  }
  return steps.slice(step).every(({ kind }) => kind === "any");
}
