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

/** Users of these names would be somebody else in `server.access`. */
export const reservedNames: readonly string[] = ["anonymous", "logged-in"];

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
    const fault = colon < 0 ? withoutColon : nameFault(line.slice(0, colon));
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

function nameFault(name: string): string | null {
  if (name === "") return "has no name before its colon; write NAME:HASH, or remove it";
  if (name.length > nameLimitChars)
    return `has a name of more than ${nameLimitChars} characters; write a shorter one`;
  // What was no UTF-8 has become a replacement character.
  if (/[\p{Cc}\u{fffd}]/u.test(name) || name.trim() !== name)
    return "has a name that begins or ends with a space, or has characters that are no text; write another";
  if (reservedNames.includes(name))
    return `has the name ${name}, which means others in server.access; write another`;
  return null;
}
