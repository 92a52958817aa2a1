import assert from "node:assert/strict";
import type { RawAnswer } from "./raw-client.ts";

const dayMs = 24 * 3_600_000;

/** How long the mirror of the model believes what it was told, in ms; as the mirror's configuration. */
export const believed: Readonly<
  Record<"ttlMs" | "negativeTtlMs" | "staleIfErrorMs" | "grantTtlMs" | "pauseMs", number>
> = {
  ttlMs: 60_000,
  negativeTtlMs: 5_000,
  staleIfErrorMs: 30 * dayMs,
  grantTtlMs: dayMs,
  // An endpoint that failed is left alone for so long at most.
  pauseMs: 10_000,
};

const troubles: readonly number[] = [502, 503, 504];

/** What an upstream said of something, from when on. */
interface Said<Value> {
  readonly fromMs: number;
  readonly value: Value;
}

/** What one thing was over time, the latest last. */
class History<Value> {
  readonly #said: Said<Value>[];

  constructor(value: Value) {
    this.#said = [{ fromMs: 0, value }];
  }

  set(value: Value, nowMs: number): void {
    this.#said.push({ fromMs: nowMs, value });
  }

  /** What it was before is known to be over by everybody. */
  settle(): void {
    this.#said.splice(0, this.#said.length - 1);
  }

  /** All that it was from `sinceMs` on. */
  since(sinceMs: number): Value[] {
    const first = this.#said.findLastIndex(({ fromMs }) => fromMs <= sinceMs);
    return this.#said.slice(Math.max(0, first)).map(({ value }) => value);
  }

  get now(): Value | undefined {
    return this.#said.at(-1)?.value;
  }
}

/** A part of an image, and what it is made of. */
export interface Content {
  readonly digest: string;
  readonly bytes: Buffer;
}

/** Somebody asks a repository for a tag, or for content by its digest; of a blob, for a part of it perhaps. */
export interface Asked {
  readonly repository: string;
  readonly tag: string | null;
  /** By digest: what is asked for. */
  readonly content: Content | null;
  readonly isBlob: boolean;
  readonly part: { readonly first: number; readonly last: number } | null;
}

/**
 * What a mirror may answer, by what its upstream has said to anybody and when; and what it must, where it has shown that it
 * has it. Knows nothing of how: no store, no grants, no fills.
 */
export class MirrorModel {
  nowMs = 0;
  readonly #tags = new Map<string, History<Content | null>>();
  /** By repository and digest: whether the upstream has it. */
  readonly #content = new Map<string, History<boolean>>();
  readonly #revoked = new Map<string, History<boolean>>();
  readonly #failing = new History(false);
  /** By the digest of the manifest that names them. */
  readonly #blobs = new Map<string, readonly Content[]>();
  /** Whether it has failed, and the mirror may not have found out that it answers again. */
  #isSuspect = false;
  /** By tag: when upstream may have been asked last. */
  readonly #maybeAskedAtMs = new Map<string, number>();
  /** Whether somebody has asked upstream for a tag, and got an answer, since the mirror was at rest. */
  #isProvenWell = false;
  /** What was answered with 200 and must be had again while upstream fails, and until when. */
  readonly #kept = new Map<string, number>();

  move(repository: string, tag: string, manifest: Content | null): void {
    this.#of(this.#tags, `${repository}:${tag}`, null).set(manifest, this.nowMs);
  }

  add(repository: string, manifest: Content, blobs: readonly Content[]): void {
    this.#blobs.set(manifest.digest, blobs);
    for (const { digest } of [manifest, ...blobs]) {
      this.#of(this.#content, `${repository}@${digest}`, false).set(true, this.nowMs);
    }
  }

  revoke(repository: string, revoked: boolean): void {
    this.#of(this.#revoked, repository, false).set(revoked, this.nowMs);
    this.#kept.clear();
  }

  fail(failing: boolean): void {
    this.#failing.set(failing, this.nowMs);
    this.#isSuspect ||= failing;
  }

  evict(): void {
    this.#kept.clear();
  }

  /** Whether an answer takes seconds, in which the mirror asks a failing upstream again: for a blob that it may not have. */
  takesLong(asked: Asked): boolean {
    return this.#isDown() && asked.isBlob && !this.#isKept(asked);
  }

  restart(): void {
    this.#isSuspect = this.#failing.now === true;
  }

  /** Nothing runs any more that was begun behind an answer: what was found out of upstream is known to all. */
  rest(): void {
    if (this.#isProvenWell) this.#isSuspect = false;
    this.#isProvenWell = false;
  }

  /** An answer took so long that the mirror may have taken upstream for failing. */
  hesitate(): void {
    this.#isSuspect = true;
    this.#isProvenWell = false;
  }

  /** Fails with a sentence where the answer is none that a right mirror gives to one of `besides` others. */
  judge(asked: Asked, answer: RawAnswer, besides = 0): void {
    const { status } = answer;
    const what = `${JSON.stringify({ ...asked, content: asked.content?.digest })} got ${status}`;
    assert.equal(answer.complete, true, `${what}, cut`);
    const statuses = this.#statuses(asked);
    // After a failure one request finds out whether upstream answers again; others are told of the failure meanwhile.
    if (besides > 0 && this.#isSuspect && !this.#isKept(asked)) {
      for (const trouble of troubles) statuses.add(trouble);
    }
    assert.ok(statuses.has(status), `${what}, and only ${[...statuses]} may be`);
    const meant = this.#meant(asked);
    this.#noteAsking(asked, status);
    // It was found to be gone: were it there again, the mirror would have to be told of it first.
    if (status === 404) this.#kept.delete(keyOf(asked));
    if (status !== 200 && status !== 206) return;
    const digest = answer.headers["docker-content-digest"];
    const content = meant.find((one) => one.digest === digest);
    assert.ok(content, `${what}: ${digest} may not be meant`);
    const { first, last } = asked.part ?? { first: 0, last: content.bytes.length - 1 };
    assert.ok(answer.body.equals(content.bytes.subarray(first, last + 1)), `${what}, other bytes`);
    this.#kept.set(keyOf(asked), this.nowMs + believed.staleIfErrorMs - believed.ttlMs);
  }

  /** What an answer about a tag shows of who was asked. */
  #noteAsking({ repository, tag }: Asked, status: number): void {
    if (tag === null || this.#failing.now) return;
    const key = `${repository}:${tag}`;
    const { nowMs } = this;
    const { ttlMs, negativeTtlMs, pauseMs } = believed;
    const isOld = nowMs - (this.#maybeAskedAtMs.get(key) ?? 0) >= Math.max(ttlMs, negativeTtlMs);
    this.#maybeAskedAtMs.set(key, nowMs);
    const isAnswered = (status === 200 || status === 404) && !this.#isRefused(repository);
    const isAsked = isOld && isAnswered && !this.#failing.since(nowMs - pauseMs).includes(true);
    // Behind the answer, if upstream was thought to fail still.
    if (isAsked) this.#isProvenWell = true;
    if (isAsked && !this.#isSuspect) this.#of(this.#tags, key, null).settle();
  }

  #statuses(asked: Asked): Set<number> {
    const right = asked.part === null ? 200 : 206;
    const statuses = new Set<number>();
    const { nowMs } = this;
    if (this.#meant(asked).length > 0) statuses.add(right);
    if (this.#mayBeMissing(asked)) statuses.add(404);
    const { grantTtlMs } = believed;
    if (this.#isRefused(asked.repository)) statuses.add(403);
    // Once its proof is old nothing is shown to whom upstream refuses it.
    const longRefused = this.#of(this.#revoked, asked.repository, false).since(nowMs - grantTtlMs);
    const isAsked = !(this.#isDown() || this.#isSuspect);
    if (!longRefused.includes(false) && isAsked) statuses.delete(right);
    if (this.#isDown() && !(this.#isKept(asked) && statuses.has(right))) {
      for (const trouble of troubles) statuses.add(trouble);
    }
    return statuses;
  }

  /** What the answer may be about. */
  #meant({ repository, tag, content }: Asked): Content[] {
    if (content !== null) {
      const has = this.#of(this.#content, `${repository}@${content.digest}`, false).now;
      return has ? [content] : [];
    }
    const { ttlMs, staleIfErrorMs, grantTtlMs } = believed;
    // Until somebody has found out that a failing upstream answers again, what is stale is answered and asked behind it.
    // What it was when it was asked last: within the time that it is believed for, or stands in for a registry that is down.
    const refusedForMs = this.#isRefused(repository) ? grantTtlMs : ttlMs;
    const forMs = this.#isDown() || this.#isSuspect ? staleIfErrorMs : refusedForMs;
    const values = this.#of(this.#tags, `${repository}:${tag}`, null).since(this.nowMs - forMs);
    return values.filter((value) => value !== null);
  }

  #mayBeMissing({ repository, tag, content }: Asked): boolean {
    const sinceMs = this.nowMs - believed.negativeTtlMs;
    if (content !== null) {
      return this.#of(this.#content, `${repository}@${content.digest}`, false)
        .since(sinceMs)
        .includes(false);
    }
    return this.#of(this.#tags, `${repository}:${tag}`, null).since(sinceMs).includes(null);
  }

  /** Whether upstream refuses it, or has done so a moment ago. */
  #isRefused(repository: string): boolean {
    const sinceMs = this.nowMs - believed.pauseMs;
    return this.#of(this.#revoked, repository, false).since(sinceMs).includes(true);
  }

  /** Whether the upstream fails, or is left alone because it did. */
  #isDown(): boolean {
    return this.#failing.since(this.nowMs - believed.pauseMs).includes(true);
  }

  /** A manifest is kept with all that it names: without that, clients had better be told to go elsewhere. */
  #isKept(asked: Asked): boolean {
    const members = this.#meant(asked).flatMap(({ digest }) => this.#blobs.get(digest) ?? []);
    const { repository } = asked;
    const keys = [keyOf(asked), ...members.map(({ digest }) => `${repository} ${digest}`)];
    return keys.every((key) => (this.#kept.get(key) ?? 0) >= this.nowMs);
  }

  #of<Value>(all: Map<string, History<Value>>, key: string, first: Value): History<Value> {
    const history = all.get(key) ?? new History(first);
    all.set(key, history);
    return history;
  }
}

function keyOf({ repository, tag, content }: Asked): string {
  return `${repository} ${tag ?? content?.digest}`;
}
