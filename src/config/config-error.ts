/** A line and a column of a file, both counted from 1. */
export interface Place {
  readonly line: number;
  readonly column: number;
}

/** One thing that is wrong with the configuration, in one line. */
export interface ConfigProblem {
  /** As people know it: relative if it lies under the working directory. */
  readonly file: string;
  /** null if it is about the file as a whole. */
  readonly place: Place | null;
  /** The key, such as `freshness.ttl`; "" if there is none. */
  readonly path: string;
  readonly message: string;
}

/** The configuration cannot be used. Holds every problem at once, in the order of the file. */
export class ConfigError extends Error {
  readonly problems: readonly ConfigProblem[];

  constructor(problems: readonly ConfigProblem[]) {
    super(problems.map(problemLine).join("\n"));
    this.name = "ConfigError";
    this.problems = problems;
  }
}

function problemLine({ file, place, path, message }: ConfigProblem): string {
  const where = place === null ? `${file}:` : `${file}:${place.line}:${place.column}`;
  return path === "" ? `${where} ${message}` : `${where} ${path}: ${message}`;
}
