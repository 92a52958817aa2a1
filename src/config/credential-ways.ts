// biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of the configuration file.
import type { Finding } from "./finding.ts";
import { tableAt } from "./plain-values.ts";

/** Credentials that are said in two ways, or in half a one. */
export function mixedCredentials(upstreams: Readonly<Record<string, unknown>>): Finding[] {
  return Object.keys(upstreams).flatMap((upstream) => {
    const keys = Object.keys(tableAt(tableAt(upstreams, upstream), "credentials"));
    const fault = faultOf(keys);
    if (fault === null) return [];
    const path = ["upstreams", upstream, "credentials", fault.key];
    return [{ path, at: "key", message: fault.message }];
  });
}

/** Passwords that stand in the file itself. `upstreams` is as it was before the environment was put in. */
export function inlinePasswords(upstreams: Readonly<Record<string, unknown>>): Finding[] {
  return Object.keys(upstreams).flatMap((upstream) => {
    const { password } = tableAt(tableAt(upstreams, upstream), "credentials");
    if (typeof password !== "string" || isFromVariables(password)) return [];
    const path = ["upstreams", upstream, "credentials", "password"];
    return [{ path, at: "value", message: inlineMessage }];
  });
}

interface Fault {
  /** The key that is one too many, or lacks another. */
  readonly key: string;
  readonly message: string;
}

function faultOf(keys: readonly string[]): Fault | null {
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
