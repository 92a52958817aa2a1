/** A line of a file of logins that says something. */
export interface LoginLine {
  /** Counted from 1, as editors do. */
  readonly number: number;
  readonly name: string;
  /** What stands behind the first colon. */
  readonly secret: string;
}

/** What is wrong with a file of logins. Never says what stands in it, for that may be a password. */
export interface LoginFileProblem {
  readonly kind: "problem";
  /** null where it is about the file as a whole. */
  readonly line: number | null;
  /** Goes on where a sentence began with the place. */
  readonly message: string;
}

/** Whom `server.access` means by what is no user's name: who has not logged in, and everyone who has. */
export const groups = { anonymous: "anonymous", everyUser: "logged-in" } as const;

/**
 * The lines of `NAME:SECRET` in the order of the file, without comments (`#`) and empty lines; or what is wrong with the
 * first that is none. Takes the line ends of any system and a byte order mark.
 */
export function loginLines(text: string): readonly LoginLine[] | LoginFileProblem {
  const lines: LoginLine[] = [];
  for (const [at, written] of text
    .replace(/^\u{feff}/u, "")
    .split(/\r\n|\n|\r/)
    .entries()) {
    const line = written.trimEnd();
    if (line === "" || line.startsWith("#")) continue;
    const number = at + 1;
    const colon = line.indexOf(":");
    const fault = colon < 0 ? withoutColon : nameFaultIn(line.slice(0, colon));
    if (fault !== null) return loginProblem(number, fault);
    lines.push({ number, name: line.slice(0, colon), secret: line.slice(colon + 1) });
  }
  return lines;
}

export function loginProblem(line: number | null, message: string): LoginFileProblem {
  return { kind: "problem", line, message };
}

const withoutColon =
  'has no ":" between a name and what belongs to it; write NAME:HASH, or remove it';

// A name of Apache's htpasswd is at most so long.
const nameLimitChars = 255;

function nameFaultIn(name: string): string | null {
  if (name === "") return "has no name before its colon; write NAME:HASH, or remove it";
  if (name.length > nameLimitChars)
    return `has a name of more than ${nameLimitChars} characters; write a shorter one`;
  if (!isName(name))
    return "has a name that begins or ends with a space, or has characters that are no text; write another";
  if (isGroup(name))
    return `has the name ${name}, which means others in server.access; write another`;
  return null;
}

/** Whether somebody could be called so. */
export function isName(name: string): boolean {
  // What was no UTF-8 has become a replacement character.
  return name !== "" && name.trim() === name && !/[\p{Cc}\u{fffd}]/u.test(name);
}

function isGroup(name: string): boolean {
  return Object.values<string>(groups).includes(name);
}
