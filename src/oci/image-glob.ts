/**
 * A pattern over names of images, `docker.io/library/alpine:3.20` or `ghcr.io/owner/image@sha256:…`: `*` stands for any
 * characters, `/` and `:` too, `?` for one, `[a-z]` and `[!a-z]` for one of a set. It must match the whole name; a
 * pattern whose last component has no `:` or `@` matches whatever the tag.
 */
export type ImageGlob = (name: string) => boolean;

type Step =
  | { readonly kind: "any" }
  | { readonly kind: "one"; readonly matches: (char: string) => boolean };

// A line of a configuration file; matching costs pattern times name at most.
const patternLimitChars = 512;

/** Returns null for a pattern that is empty, too long, or has a set that is not closed. */
export function parseImageGlob(pattern: string): ImageGlob | null {
  if (pattern === "" || pattern.length > patternLimitChars) return null;
  const steps = stepsOf(pattern);
  if (!steps) return null;
  const lastComponent = pattern.slice(pattern.lastIndexOf("/") + 1);
  if (/[:@*]/.test(lastComponent)) return (name) => matches(steps, name);
  return (name) => matches(steps, withoutReference(name));
}

function stepsOf(pattern: string): Step[] | null {
  const steps: Step[] = [];
  for (let at = 0; at < pattern.length; at++) {
    const char = pattern[at] ?? "";
    if (char === "*") steps.push({ kind: "any" });
    else if (char === "?") steps.push({ kind: "one", matches: () => true });
    else if (char !== "[") steps.push({ kind: "one", matches: (other) => other === char });
    else {
      const end = pattern.indexOf("]", at + 2);
      if (end < 0) return null;
      steps.push({ kind: "one", matches: setOf(pattern.slice(at + 1, end)) });
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

/** Goes back to the last `*` only, which is enough: so it takes pattern times name steps at most. */
function matches(steps: readonly Step[], name: string): boolean {
  let at = 0;
  let step = 0;
  let star: { readonly step: number; readonly at: number } | null = null;
  while (at < name.length) {
    const current = steps[step];
    if (current?.kind === "any") star = { step: step++, at };
    else if (current?.matches(name[at] ?? "")) {
      step++;
      at++;
    } else if (star) {
      star = { step: star.step, at: star.at + 1 };
      step = star.step + 1;
      at = star.at;
    } else return false;
  }
  return steps.slice(step).every(({ kind }) => kind === "any");
}

function withoutReference(name: string): string {
  const component = name.lastIndexOf("/") + 1;
  const end = name.slice(component).search(/[:@]/);
  return end < 0 ? name : name.slice(0, component + end);
}
