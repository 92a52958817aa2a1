import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { Certificate } from "../../test/support/certificate.ts";
import { freePort } from "../../test/support/free-port.ts";
import { programPath } from "../../test/support/real-program.ts";
import { reachedAt } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import { ServerProcess } from "./server-process.ts";

/**
 * Starts an nginx of our own, in the foreground, with everything it writes in its own directory.
 * `http` gives the servers of the http block, with LISTEN where the address belongs, with all that TLS takes.
 */
export async function startNginx(
  lab: Lab,
  http: (directory: string) => string,
  tls?: Certificate,
): Promise<ServerProcess> {
  const directory = await lab.makeDirectory("nginx");
  const host = `127.0.0.1:${await freePort()}`;
  const file = join(directory, "nginx.conf");
  await writeFile(
    file,
    frame(directory, http(directory).replaceAll("LISTEN", listening(host, tls))),
  );
  return ServerProcess.start(lab, {
    file: programPath("nginx"),
    args: ["-p", directory, "-e", "stderr", "-c", file],
    at: reachedAt(host, tls),
    directory,
  });
}

function listening(host: string, tls?: Certificate): string {
  if (tls === undefined) return host;
  const { certificateFile, keyFile } = tls;
  return `${host} ssl http2; ssl_certificate ${certificateFile}; ssl_certificate_key ${keyFile}; ssl_protocols TLSv1.3`;
}

function frame(directory: string, http: string): string {
  const bodies = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  // Workers of a root master become www-data, who may not enter our directory.
  const user = process.getuid?.() === 0 ? "user root;" : "";
  return `
daemon off;
${user}
worker_processes auto;
pid ${join(directory, "nginx.pid")};
error_log stderr warn;
events { worker_connections 1024; }
http {
  access_log off;
  # wrk would otherwise have to connect anew after every 1000 requests.
  keepalive_requests 1000000;
  ${bodies.map((body) => `${body}_temp_path ${join(directory, body)};`).join("\n  ")}
  ${http}
}
`;
}
