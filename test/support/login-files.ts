import { hash } from "node:crypto";
import { hashSync } from "bcrypt";

/** A line of htpasswd, of the lowest cost unless it is given. */
export function passwordLine(name: string, password: string, cost = 4): string {
  return `${name}:${hashSync(password, cost).replace("$2b$", "$2y$")}\n`;
}

/** A line of a file of tokens. */
export function tokenLine(name: string, token: string): string {
  return `${name}:sha256:${hash("sha256", token)}\n`;
}

/** An `Authorization` header. */
export function basic(name: string, password: string): string {
  return `Basic ${Buffer.from(`${name}:${password}`).toString("base64")}`;
}
