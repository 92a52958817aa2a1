import { groups, isName } from "../files/login-lines.ts";
import type { Finding } from "../yaml/finding.ts";
import { tableAt, tablesAt, textsAt } from "../yaml/plain-values.ts";

/** Rules of `server.access` that name users where nobody can log in. */
export function usersWithoutLogins(root: unknown): Finding[] {
  const server = tableAt(root, "server");
  if ("auth" in server || "clientCa" in tableAt(server, "tls")) return [];
  return tablesAt(server, "access").flatMap(({ table, index }) =>
    textsAt(table, "users").flatMap(({ text, index: at }): Finding[] => {
      if (text === groups.anonymous || !isName(text)) return [];
      const path = ["server", "access", index, "users", at];
      const message =
        "nobody can log in, so everyone is anonymous; write server.auth, for example {htpasswd: ./htpasswd}";
      return [{ path, at: "value", message }];
    }),
  );
}
