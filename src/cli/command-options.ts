/** What every command can be told. */
export interface CommandOptions {
  /** The configuration file; without it the one that is found. */
  readonly config?: string;
  readonly json?: boolean;
}
