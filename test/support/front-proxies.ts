import { mkdtempDisposable, readFile, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Certificate, makeCertificate } from "./certificate.ts";
import { changed, deployFile } from "./deploy.ts";
import { freePort } from "./free-port.ts";
import { programPath, type RealProgram } from "./real-program.ts";
import { ServerProcess } from "./server-process.ts";

/** A reverse proxy with TLS on loopback before a mirror. */
export interface FrontProxy extends AsyncDisposable {
  readonly url: string;
  /** `127.0.0.1:PORT`, as clients name a registry. */
  readonly host: string;
  /** What a client must trust to believe it. */
  readonly caFile: string;
}

interface Place extends Certificate {
  readonly directory: string;
  readonly port: number;
  /** `HOST:PORT` of the mirror. */
  readonly mirror: string;
}

interface Kind {
  readonly program: RealProgram;
  /** Its configuration by deploy/, less what belongs to the one machine that it was written for. */
  readonly config: (place: Place) => Promise<string>;
  readonly command: (directory: string) => readonly string[];
}

/** Those that deploy/ has configurations for; and one of them before a mirror that speaks HTTP/2 itself. */
export const frontProxies: Readonly<Record<"nginx" | "caddy" | "caddyOverHttp2", Kind>> = {
  nginx: {
    program: "nginx",
    config: nginxConfig,
    command: (directory) => ["-p", directory, "-c", confIn(directory), "-e", `${directory}/errors`],
  },
  caddy: { program: "caddy", config: caddyConfig, command: caddyCommand },
  caddyOverHttp2: { program: "caddy", config: caddyOverHttp2Config, command: caddyCommand },
};

/** Starts one before the mirror at `HOST:PORT`, and waits until it listens. */
export async function startFrontProxy(
  name: keyof typeof frontProxies,
  mirror: string,
): Promise<FrontProxy> {
  // Once more, should the port have been taken meanwhile.
  return launch(frontProxies[name], mirror).catch(() => launch(frontProxies[name], mirror));
}

async function launch(kind: Kind, mirror: string): Promise<FrontProxy> {
  await using resources = new AsyncDisposableStack();
  const { path: directory } = resources.use(
    await mkdtempDisposable(join(tmpdir(), `${kind.program}-`)),
  );
  const port = await freePort();
  const certificate = await makeCertificate(directory);
  await writeFile(
    confIn(directory),
    await kind.config({ ...certificate, directory, port, mirror }),
  );
  const env = {
    ...process.env,
    HOME: directory,
    XDG_DATA_HOME: directory,
    XDG_CONFIG_HOME: directory,
  };
  const proxy = resources.use(
    new ServerProcess(programPath(kind.program), kind.command(directory), { env }),
  );
  // Both write their pid once they have bound their port.
  await proxy.until(async () => (await readFile(pidIn(directory), "utf8").catch(() => "")) !== "");
  const running = resources.move();
  return {
    url: `https://127.0.0.1:${port}`,
    host: `127.0.0.1:${port}`,
    caFile: certificate.certificateFile,
    [Symbol.asyncDispose]: () => running.disposeAsync(),
  };
}

// "root", for whoever starts it as root: its worker reads this private directory. Others ignore the line.
async function nginxConfig({ directory, port, mirror, ...files }: Place): Promise<string> {
  const temporary = ["client_body", "proxy", "fastcgi", "uwsgi", "scgi"];
  const own = changed(await deployFile("nginx/sluice.conf"), [
    ["listen 443 ssl http2;", `listen 127.0.0.1:${port} ssl http2;`],
    ["  listen [::]:443 ssl http2;\n", ""],
    ["server 127.0.0.1:5000;", `server ${mirror};`],
    ["/etc/nginx/tls/mirror.crt", files.certificateFile],
    ["/etc/nginx/tls/mirror.key", files.keyFile],
  ]);
  return `
user root;
daemon off;
pid ${pidIn(directory)};
events {}
http {
  access_log off;
  ${temporary.map((kind) => `${kind}_temp_path ${directory}/${kind};`).join("\n  ")}
  ${own}
}
`;
}

async function caddyConfig({ port, mirror, certificateFile, keyFile }: Place): Promise<string> {
  const own = changed(await deployFile("caddy/Caddyfile"), [
    [
      "mirror.example.com {",
      `https://127.0.0.1:${port}, https://ghcr.test:${port} {\n\ttls ${certificateFile} ${keyFile}`,
    ],
    ["reverse_proxy 127.0.0.1:5000 {", `reverse_proxy ${mirror} {`],
  ]);
  // It would have this machine trust its own authority, for good, and run update-ca-certificates for it at each start.
  return `{\n\tadmin off\n\tskip_install_trust\n\tauto_https disable_redirects\n}\n${own}`;
}

/** It believes whatever certificate the mirror has. */
async function caddyOverHttp2Config(place: Place): Promise<string> {
  return changed(await caddyConfig(place), [
    [`reverse_proxy ${place.mirror} {`, `reverse_proxy https://${place.mirror} {`],
    ["transport http {", "transport http {\n\t\t\ttls_insecure_skip_verify\n\t\t\tversions 2"],
  ]);
}

function caddyCommand(directory: string): readonly string[] {
  const conf = ["--adapter", "caddyfile", "--config", confIn(directory)];
  return ["run", ...conf, "--pidfile", pidIn(directory)];
}

function confIn(directory: string): string {
  return join(directory, "conf");
}

function pidIn(directory: string): string {
  return join(directory, "pid");
}
