/** A pattern of images (`image-glob.ts`) that an operator has pinned while the mirror ran. */
export interface PinRecord {
  readonly pattern: string;
  /** In ms since the epoch. */
  readonly pinnedAtMs: number;
}

/** What patterns pin of what is stored. */
export interface PinnedContent {
  /** How many images each of them matches, in their order. */
  readonly images: readonly number[];
  /** What all of them keep together, in bytes on the disk. */
  readonly allocatedBytes: number;
}
