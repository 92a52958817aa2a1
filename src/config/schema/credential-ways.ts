// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration file.
import type { StandIn } from "../yaml/environment.ts";
import type { Finding, KeyPath } from "../yaml/finding.ts";
import { tableAt, tablesAt } from "../yaml/plain-values.ts";

/** Credentials that are said in two ways, or in half a one. */
export function mixedCredentials(upstreams: Readonly<Record<string, unknown>>): Finding[] {
  return Object.keys(upstreams).flatMap((upstream) =>
    credentialsOf(upstreams, upstream).flatMap(({ path, table }, position) => {
      const fault = faultOf(Object.keys(table)) ?? misplaced(table, position);
      if (fault === null) return [];
      return [{ path: [...path, fault.key], at: "key", message: fault.message }];
    }),
  );
}

/** Passwords that stand in the file itself. `upstreams` is as it was before the environment was put in. */
export function inlinePasswords(upstreams: Readonly<Record<string, unknown>>): Finding[] {
  return Object.keys(upstreams).flatMap((upstream) =>
    credentialsOf(upstreams, upstream).flatMap(({ path, table: { password } }) => {
      if (typeof password !== "string" || isFromVariables(password)) return [];
      return [{ path: [...path, "password"], at: "value", message: inlineMessage }];
    }),
  );
}

/** A fallback would be a password that stands in the file. */
export function standInAt(path: KeyPath): StandIn {
  return path.at(-1) === "password" ? "none" : "fallback";
}

interface Written {
  readonly path: readonly (string | number)[];
  readonly table: Readonly<Record<string, unknown>>;
}

/** Those of one upstream, whether they are written alone or in a list. */
function credentialsOf(upstreams: Readonly<Record<string, unknown>>, upstream: string): Written[] {
  const path = ["upstreams", upstream, "credentials"];
  const written = tableAt(upstreams, upstream);
  const several = tablesAt(written, "credentials");
  if (several.length === 0) return [{ path, table: tableAt(written, "credentials") }];
  return several.map(({ table, index }) => ({ path: [...path, index], table }));
}

interface Fault {
  /** The key that is one too many, or lacks another. */
  readonly key: string;
  readonly message: string;
}

/** What nobody may pull would be "not found" for good if nobody was asked first. */
function misplaced(table: Written["table"], position: number): Fault | null {
  if (!("anonymous" in table) || position > 0) return null;
  return {
    key: "anonymous",
    message: "must stand behind others in a list, for it is the last resort",
  };
}

function faultOf(keys: readonly string[]): Fault | null {
  const [named] = keys.filter((key) => key !== "anonymous");
  if (keys.includes("anonymous") && named) {
    return { key: "anonymous", message: `is nobody, and ${named} somebody; remove one of them` };
  }
  const username = keys.find((key) => key === "username");
  const [password, second] = keys.filter((key) => key === "password" || key === "passwordFile");
  if (keys.includes("dockerConfig")) return besideDockerConfig(username ?? password);
  if (second) return { key: second, message: `${password} says it already; remove one of them` };
  if (username && password) return null;
  if (username) return { key: username, message: `has no password; ${forExample}` };
  if (password) return { key: password, message: `is nobody's without username; ${forExample}` };
  return null;
}

function besideDockerConfig(key: string | undefined): Fault | null {
  if (key === undefined) return null;
  return { key, message: `dockerConfig names users and passwords itself; remove ${key}` };
}

const forExample = "write for example {username: me, passwordFile: /run/secrets/hub}";

const inlineMessage =
  'a password must not stand in this file; write passwordFile: /run/secrets/hub instead, or take it from a variable: password: "${HUB_PASSWORD}"';

// "$${" is text, and so is the fallback of a variable.
function isFromVariables(text: string): boolean {
  return /(?<!\$)\$\{/.test(text) && !/(?<!\$)\$\{\w*:-[^}]/.test(text);
}
