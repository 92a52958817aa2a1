import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { eventually } from "./eventually.ts";
import { freePort } from "./free-port.ts";
import { programPath } from "./real-program.ts";
import { ServerProcess } from "./server-process.ts";

/** nginx with TLS and HTTP/2 on loopback before another server; its certificate is signed by itself. */
export class NginxTls implements AsyncDisposable {
  readonly url: string;
  /** What a client must trust to believe it. */
  readonly caFile: string;
  readonly #logFile: string;
  readonly #resources: AsyncDisposableStack;

  private constructor(
    port: number,
    directory: string,
    certificate: Certificate,
    resources: AsyncDisposableStack,
  ) {
    this.url = `https://127.0.0.1:${port}`;
    this.caFile = certificate.certificateFile;
    this.#logFile = logIn(directory);
    this.#resources = resources;
  }

  static async start(options: { readonly before: string }): Promise<NginxTls> {
    // Once more, should the port have been taken meanwhile.
    return NginxTls.#launch(options.before).catch(() => NginxTls.#launch(options.before));
  }

  static async #launch(url: string): Promise<NginxTls> {
    await using resources = new AsyncDisposableStack();
    const { path } = resources.use(await mkdtempDisposable(join(tmpdir(), "nginx-")));
    const port = await freePort();
    const certificate = await makeCertificate(path);
    await writeFile(join(path, "nginx.conf"), configOf(path, port, url, certificate));
    const flags = ["-p", path, "-c", join(path, "nginx.conf"), "-e", join(path, "error.log")];
    const nginx = resources.use(new ServerProcess(programPath("nginx"), flags));
    // nginx writes its pid once it has bound its port.
    await nginx.until(async () => (await readFile(join(path, "pid")).catch(() => "")).length > 0);
    return new NginxTls(port, path, certificate, resources.move());
  }

  /** Every request so far, as `METHOD TARGET PROTOCOL STATUS`; waits until there is one. */
  async requests(): Promise<string[]> {
    return eventually("a line in nginx's access log", async () => {
      const lines = (await readFile(this.#logFile, "utf8")).split("\n").slice(0, -1);
      return lines.length > 0 && lines;
    });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#resources.disposeAsync();
  }
}

// "root", for whoever starts it as root: its worker reads this private directory. Others ignore the line.
function configOf(
  directory: string,
  port: number,
  url: string,
  { certificateFile, keyFile }: Certificate,
): string {
  return `
user root;
daemon off;
worker_processes 1;
pid ${directory}/pid;
events {}
http {
  log_format asked '$request $status';
  access_log ${logIn(directory)} asked;
  client_body_temp_path ${directory}/body;
  proxy_temp_path ${directory}/proxy;
  fastcgi_temp_path ${directory}/fastcgi;
  uwsgi_temp_path ${directory}/uwsgi;
  scgi_temp_path ${directory}/scgi;
  server {
    listen 127.0.0.1:${port} ssl http2;
    ssl_certificate ${certificateFile};
    ssl_certificate_key ${keyFile};
    location / { proxy_pass ${url}; }
  }
}
`;
}

function logIn(directory: string): string {
  return join(directory, "access.log");
}
