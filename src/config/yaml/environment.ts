/** Variables by name, as `process.env` has them. */
export type Environment = Readonly<Record<string, string | undefined>>;

export type Substitution =
  | { readonly kind: "text"; readonly text: string }
  | { readonly kind: "problem"; readonly message: string };

// In this order: "$${", which stands for itself; a whole reference; anything else that begins like one.
const reference = /\$\$\{|\$\{([A-Za-z_][A-Za-z0-9_]*)(?::-([^}]*))?\}|\$\{/g;

// The same where no "}" follows: each beginning of a fallback would be searched for its end up to the end of the text.
const referenceWithoutEnd = /\$\$\{|\$\{/g;

/** What may stand in where a variable is unset: a fallback; of a secret nothing that is written in the file. */
export type StandIn = "fallback" | "none";

/**
 * Replaces `${NAME}`, and `${NAME:-fallback}`, whose fallback counts when NAME is unset or empty, as
 * in a shell. `$${` is a plain `${`; any other `$` is itself. What was put in is not looked at again.
 */
export function substitute(
  text: string,
  environment: Environment,
  standIn: StandIn = "fallback",
): Substitution {
  const problems: string[] = [];
  const put = (whole: string, name?: string, fallback?: string): string => {
    if (whole === "$${") return "${";
    if (name === undefined) problems.push(malformed);
    else if (fallback === undefined && environment[name] === undefined)
      problems.push(unset(name, standIn));
    else if (fallback === undefined) return environment[name] ?? "";
    else return environment[name] || fallback;
    return "";
  };
  const endAt = text.lastIndexOf("}") + 1;
  const substituted =
    text.slice(0, endAt).replace(reference, put) +
    text.slice(endAt).replace(referenceWithoutEnd, (whole) => put(whole));
  if (problems.length === 0) return { kind: "text", text: substituted };
  return { kind: "problem", message: [...new Set(problems)].join("; ") };
}

const malformed = `"\${" begins no variable; write \${NAME} or \${NAME:-fallback}, or $\${ for a plain \${`;

function unset(name: string, standIn: StandIn): string {
  const isNotSet = `the environment variable ${name} is not set; set it`;
  return standIn === "none" ? isNotSet : `${isNotSet}, or write \${${name}:-fallback}`;
}
