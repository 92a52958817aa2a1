/** A field of log lines, as it is documented. */
export interface LogField {
  readonly type: "string" | "number" | "boolean" | "object" | "array";
  readonly meaning: string;
}

/** What every line has. */
export const commonLogFields: Readonly<Record<string, LogField>> = {
  level: { type: "string", meaning: "`debug`, `info`, `warn`, `error` or `fatal`" },
  time: { type: "string", meaning: "when it was written: ISO 8601, UTC" },
  msg: { type: "string", meaning: "what happened; the same words for the same thing" },
};

/** What the one line of a request has: `request served`, `request refused`, `upstream failed` or `request failed`. */
export const requestLogFields: Readonly<Record<string, LogField>> = {
  requestId: {
    type: "string",
    meaning:
      "`X-Request-Id` of the request, or a UUID where it has none that is 1 to 128 letters, digits and `_.:/+=@-`; the answer has it too",
  },
  method: { type: "string", meaning: "of the request" },
  target: {
    type: "string",
    meaning:
      "the request target, its first 512 characters, without parameters that the registry API does not know: `…` stands for them",
  },
  status: { type: "number", meaning: "of the answer" },
  outcome: {
    type: "string",
    meaning:
      "`hit`, `revalidated`, `stale`, `collapsed`, `miss`, `bypass`, `error`; `none` where nothing was pulled",
  },
  upstream: { type: "string", meaning: "the registry, by its name in the configuration" },
  repository: { type: "string", meaning: "in that registry" },
  reference: { type: "string", meaning: "of a manifest: its tag or digest" },
  digest: { type: "string", meaning: "of a blob, or of the content that the line is about" },
  sentBytes: { type: "number", meaning: "bytes of content that the client took" },
  durationMs: {
    type: "number",
    meaning: "from the request's header to the last byte of its answer",
  },
  client: { type: "string", meaning: "its address" },
  user: { type: "string", meaning: "who has logged in" },
  http: { type: "number", meaning: "2 for HTTP/2" },
  left: { type: "string", meaning: "why the client did not take all of it" },
  stale: { type: "string", meaning: "why what was served is stale: what the registry answered" },
  rule: { type: "string", meaning: "the rule that nothing is stored by: `freshness.rules[2]`" },
  waitedMs: {
    type: "object",
    meaning: "of a pull that took a second or failed: how long it waited for what, as below",
  },
  reason: { type: "string", meaning: "why it was refused or failed, in a sentence" },
  err: { type: "object", meaning: "what went wrong, with its stack and its cause" },
};

/** What other lines have, beside some of those. */
export const otherLogFields: Readonly<Record<string, LogField>> = {
  address: { type: "string", meaning: "where it listens for clients" },
  admin: { type: "string", meaning: "where the admin API listens" },
  metrics: { type: "string", meaning: "where metrics alone are told" },
  storage: { type: "string", meaning: "the storage directory" },
  configuration: { type: "string", meaning: "where the configuration came from" },
  version: { type: "string", meaning: "of sluice" },
  problems: { type: "array", meaning: "what is wrong with the configuration, a sentence each" },
  problem: { type: "string", meaning: "what is wrong with a file" },
  key: { type: "string", meaning: "of the configuration" },
  signal: { type: "string", meaning: "that ends it" },
  deadlineMs: { type: "number", meaning: "until when running answers may end" },
  from: { type: "string", meaning: "the level of the log before" },
  to: { type: "string", meaning: "the level of the log from then on" },
  remedy: { type: "string", meaning: "what to do about it" },
  listener: {
    type: "string",
    meaning: "`server`, `admin`, `metrics`, or `control` for control.sock",
  },
  name: { type: "string", meaning: "of a certificate: its first" },
  until: { type: "string", meaning: "when that ends: ISO 8601" },
  users: { type: "number", meaning: "users who can log in by a password" },
  tokens: { type: "number", meaning: "tokens that can be used to log in" },
  scarce: {
    type: "string",
    meaning:
      "what there was no more of for an upstream: `connections` to it, `clients`, those of clients that may wait for it, or `stalled`, any for those who came, so that answers which had stalled were ended",
  },
  refused: { type: "number", meaning: "how many were refused meanwhile" },
  most: { type: "number", meaning: "how many connections may be open" },
  mostPerAddress: { type: "number", meaning: "how many of them of one address" },
  by: { type: "string", meaning: "who asked for a change" },
  order: { type: "object", meaning: "what was asked for, as it was sent" },
  endpoint: { type: "string", meaning: "of an upstream, by its host" },
  account: {
    type: "string",
    meaning:
      "as whom it is asked: the place of the credentials in the configuration, or `anonymous`",
  },
  limit: { type: "number", meaning: "pulls that a registry lets an account have" },
  remaining: { type: "number", meaning: "how many of them are left" },
  emptyInSeconds: { type: "number", meaning: "when none will be, if pulls go on so" },
  forMs: {
    type: "number",
    meaning: "for how long an endpoint is left alone, or the log has another level",
  },
  afterMs: { type: "number", meaning: "for how long it was" },
  file: { type: "string", meaning: "a file that was read" },
  sizeBytes: { type: "number", meaning: "of a blob; null: unknown" },
  connections: { type: "number", meaning: "over how many connections a blob comes" },
  why: { type: "string", meaning: "why something passes through, or comes over one connection" },
  restoredFrom: { type: "string", meaning: "the backup that took the place of the catalog" },
  setAside: { type: "string", meaning: "where a corrupt catalog was moved" },
  lostMinutes: { type: "number", meaning: "minutes of statistics that were lost" },
  removed: { type: "number", meaning: "left-overs that were removed" },
  path: { type: "string", meaning: "of a file" },
  files: { type: "number", meaning: "files under a digest" },
  adopted: { type: "number", meaning: "those that the catalog did not know" },
  forgotten: { type: "number", meaning: "rows of the catalog without a file" },
  foreign: { type: "number", meaning: "what is none of ours below the storage directory" },
  firstForeign: { type: "array", meaning: "the paths of the first of those" },
  damage: {
    type: "string",
    meaning:
      "what is wrong with stored content: `wrong-bytes`, `wrong-size`, `without-file`, `without-row`, `unreadable`",
  },
  deed: {
    type: "string",
    meaning: "what was done about it: `quarantined`, `forgotten`, `adopted`, `none`",
  },
  found: { type: "number", meaning: "how much damage a round of the scrubber found" },
  tookMs: { type: "number", meaning: "how long that round took" },
  roots: {
    type: "number",
    meaning: "images, and blobs by themselves, that were evicted or purged",
  },
  objects: { type: "number", meaning: "blobs and manifests of those" },
  bytes: { type: "number", meaning: "their content" },
  freedBytes: { type: "number", meaning: "the same on the disk" },
  spared: { type: "number", meaning: "what was to be evicted and was pulled meanwhile" },
  tags: { type: "number", meaning: "tags that were forgotten" },
  pinned: { type: "number", meaning: "what is pinned, of what could be evicted" },
  pinnedBytes: { type: "number", meaning: "what is pinned" },
  lowWatermarkBytes: { type: "number", meaning: "what eviction leaves" },
  root: { type: "string", meaning: "the image that was evicted, by its digest" },
  lastPullAt: { type: "string", meaning: "when it was pulled last: ISO 8601; null: never" },
  pulls: { type: "number", meaning: "how often it was pulled" },
};
