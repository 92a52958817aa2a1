import { useEffect, useState } from "preact/hooks";

/** What the mirror answered that it did not do; the message is a sentence for people. */
export class Refusal extends Error {
  readonly status: number;

  constructor(status: number, message: string) {
    super(message);
    this.name = "Refusal";
    this.status = status;
  }
}

/** What `GET` of a path below `api/v1/` answers. Rejects with Refusal, or TypeError where nobody answers. */
export async function ask<T>(path: string, signal: AbortSignal): Promise<T> {
  for (let tries = 1; ; tries++) {
    const response = await fetch(`api/v1/${path}`, { signal });
    // It answers so many questions at a time, and the others later.
    if (response.status !== 503 || tries === triesLimit) return await answerOf(response);
    await new Promise((resolve) => setTimeout(resolve, busyMs));
  }
}

const triesLimit = 5;
const busyMs = 1_000;

/** What an order to the same is answered with. */
export async function order<T>(path: string, body: object): Promise<T> {
  return await answerOf(await sent(path, body));
}

/** The lines of JSON that an order is answered with, as they come. */
export async function* follow<T>(path: string, body: object): AsyncGenerator<T> {
  const response = await sent(path, body);
  if (!response.ok || !response.body) throw await refusalOf(response);
  const lines = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (let part = await lines.read(); !part.done; part = await lines.read()) {
    const parts = (rest + part.value).split("\n");
    rest = parts.pop() ?? "";
    for (const line of parts) yield JSON.parse(line);
  }
}

/** What is shown of a question: its answer, why there is none, or that it is on its way. */
export type Asked<T> =
  | { readonly kind: "asking" }
  | { readonly kind: "answered"; readonly answer: T; readonly isOld: boolean }
  | { readonly kind: "refused"; readonly status: number | null; readonly message: string };

/** Asks, and again whenever the path or `turn` changes; what was known is shown until there is an answer. */
export function useAsked<T>(path: string | null, turn: unknown = null): Asked<T> {
  const [known, setKnown] = useState<{ path: string | null; asked: Asked<T> }>({
    path: null,
    asked: { kind: "asking" },
  });
  useEffect(() => {
    if (path === null) return;
    const leaving = new AbortController();
    ask<T>(path, leaving.signal).then(
      (answer) => setKnown({ path, asked: { kind: "answered", answer, isOld: false } }),
      (error: unknown) => {
        if (!leaving.signal.aborted) setKnown({ path, asked: refused(error) });
      },
    );
    return () => leaving.abort();
  }, [path, turn]);
  if (known.path === path || known.asked.kind !== "answered") {
    return known.path === path ? known.asked : { kind: "asking" };
  }
  return sameQuestion(known.path, path) ? { ...known.asked, isOld: true } : { kind: "asking" };
}

/** What went wrong, as a sentence. */
export function sentenceOf(error: unknown): string {
  if (error instanceof Refusal) return error.message;
  return "The mirror gives no answer.";
}

export function refused(error: unknown): Asked<never> {
  const status = error instanceof Refusal ? error.status : null;
  return { kind: "refused", status, message: sentenceOf(error) };
}

/** The same list in another order keeps its place until it is here; another image does not. */
function sameQuestion(one: string | null, other: string | null): boolean {
  return one?.split("?")[0] === other?.split("?")[0] && !one?.includes("image=");
}

function sent(path: string, body: object): Promise<Response> {
  return fetch(`api/v1/${path}`, {
    method: "POST",
    // The mirror takes no other: no page of another site can have it sent without asking first.
    headers: { "content-type": "application/json" },
    body: JSON.stringify(body),
  });
}

async function answerOf<T>(response: Response): Promise<T> {
  if (!response.ok) throw await refusalOf(response);
  return await response.json();
}

async function refusalOf(response: Response): Promise<Refusal> {
  const text = await response.text();
  return new Refusal(response.status, errorIn(text) ?? plainWords(response.status));
}

function errorIn(text: string): string | null {
  try {
    const { error } = JSON.parse(text);
    return typeof error === "string" ? error : null;
  } catch {
    return null;
  }
}

function plainWords(status: number): string {
  if (status === 401) return "The mirror wants to know who you are: load the page again.";
  if (status === 403) return "You may look, but not change anything here.";
  return `The mirror answered with status ${status}; its log says why.`;
}
