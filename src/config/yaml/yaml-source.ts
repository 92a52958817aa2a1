import {
  type Document,
  isAlias,
  isScalar,
  LineCounter,
  type ParsedNode,
  parseDocument,
} from "yaml";
import type { Place } from "../config-error.ts";
import { type Environment, type StandIn, substitute } from "./environment.ts";
import { type Finding, type KeyPath, pathText } from "./finding.ts";
import { childAt, type Spot, spotsOf, unanchored, valueOffset } from "./yaml-tree.ts";

/** A finding with its place in the file. */
export interface PlacedFinding {
  readonly place: Place;
  readonly path: string;
  readonly message: string;
}

// Where what the parser says helps nobody who does not know it, or quotes text that may be a password.
const syntaxMessages: Readonly<Record<string, string>> = {
  RESOURCE_EXHAUSTION: "nested more deeply than can be read",
  MULTIPLE_DOCS: "a second document begins here, and only one is read; remove one of them",
  TAG_RESOLVE_FAILED: 'text that begins with "!" needs quotes',
  UNEXPECTED_TOKEN: "not valid YAML from here; text that holds one of [ ] { } , needs quotes",
};

const lostAlias = 'text that begins with "*" is an alias, and no anchor above it has its name';

/** A YAML document that knows where everything in it was written. */
export class YamlSource {
  readonly #lines = new LineCounter();
  readonly #document: Document.Parsed;

  constructor(text: string) {
    this.#document = parseDocument(text, {
      lineCounter: this.#lines,
      prettyErrors: false,
      stringKeys: true,
      // A set or bytes (`!!set`, `!!binary`) would be a table without keys, or one of numbers.
      resolveKnownTags: false,
    });
  }

  /** What is no YAML. If there is any, nothing else can be asked for. */
  syntaxProblems(): PlacedFinding[] {
    const { errors, warnings } = this.#document;
    const broken = [...errors, ...warnings].filter(({ code }) => code !== "DUPLICATE_KEY");
    // All that is left open behind it is a mistake of the parser's, then.
    const depth = broken.filter(({ code }) => code === "RESOURCE_EXHAUSTION").slice(0, 1);
    const problems = (depth.length > 0 ? depth : broken).map(({ code, message, pos }) =>
      this.#problem(pos[0], [], syntaxMessages[code] ?? `not valid YAML: ${message}`),
    );
    return problems.length > 0 ? problems : this.#aliasProblems();
  }

  /** Keys that are there twice. The value is that of the last one. */
  duplicates(): PlacedFinding[] {
    const errors = this.#document.errors.filter(({ code }) => code === "DUPLICATE_KEY");
    const offsets = new Set<number | null>(errors.map(({ pos }) => pos[0]));
    return [...spotsOf(this.#root())]
      .filter(({ keyOffset }) => offsets.has(keyOffset))
      .map(({ keyOffset, path }) =>
        this.#problem(keyOffset ?? 0, path, "is there twice; remove one of them"),
      );
  }

  /** Puts the environment into every text value; `standInAt` says what else may stand there. What cannot be replaced stays, and is reported. */
  substitute(environment: Environment, standInAt: (path: KeyPath) => StandIn): PlacedFinding[] {
    const problems: PlacedFinding[] = [];
    for (const { path, node } of spotsOf(this.#root())) {
      if (!isScalar(node) || typeof node.value !== "string") continue;
      const result = substitute(node.value, environment, standInAt(path));
      if (result.kind === "text") node.value = result.text;
      else problems.push(this.#problem(node.range[0], path, result.message));
    }
    return problems;
  }

  /** The document as plain values; an empty one is an empty table. */
  value(): unknown {
    return this.#document.toJS() ?? {};
  }

  /** Finds the place of a key or value; what is missing is where the table that lacks it has its key. */
  place({ path, at, message }: Finding): PlacedFinding {
    let spot = this.#root();
    let keyOffset = 0;
    for (const step of path) {
      const child = childAt(this.#resolve(spot), step);
      if (!child) return this.#problem(keyOffset, path, message);
      spot = child;
      keyOffset = spot.keyOffset ?? valueOffset(spot.node) ?? keyOffset;
    }
    const offset = at === "key" ? keyOffset : (valueOffset(spot.node) ?? keyOffset);
    return this.#problem(offset, path, message);
  }

  #root(): Spot {
    return { path: [], node: this.#document.contents, keyOffset: null };
  }

  #resolve(spot: Spot): Spot {
    if (!isAlias(spot.node)) return spot;
    // A parsed document has parsed nodes only; the type of `resolve` has lost that.
    const node = (spot.node.resolve(this.#document) ?? null) as ParsedNode | null;
    return { ...spot, node };
  }

  #aliasProblems(): PlacedFinding[] {
    const lost = unanchored(spotsOf(this.#root()));
    if (lost.length > 0) return lost.map((spot) => this.#aliasProblem(spot, lostAlias));
    try {
      this.#document.toJS();
      return [];
    } catch (error) {
      // The only thing left that yaml refuses: aliases of aliases, which would fill the memory.
      if (!(error instanceof ReferenceError)) throw error;
      const first = spotsOf(this.#root()).find(({ node }) => isAlias(node));
      const spot = first ?? this.#root();
      const name = isAlias(spot.node) ? `*${spot.node.source}` : "this";
      return [this.#aliasProblem(spot, `the alias ${name} and those after it repeat too much`)];
    }
  }

  #aliasProblem({ node, path }: Spot, message: string): PlacedFinding {
    return this.#problem(valueOffset(node) ?? 0, path, message);
  }

  #problem(offset: number, path: KeyPath, message: string): PlacedFinding {
    const { line, col } = this.#lines.linePos(offset);
    return { place: { line, column: col }, path: pathText(path), message };
  }
}
