import { accessSync, constants } from "node:fs";
import { delimiter, join } from "node:path";
import type { TestContext } from "node:test";

/** The real programs that tests use, and the Debian packages they come in. */
const packageOf = {
  bash: "bash",
  buildah: "buildah",
  busybox: "busybox-static",
  caddy: "caddy",
  chromium: "chromium",
  containerd: "containerd",
  ctr: "containerd",
  curl: "curl",
  docker: "docker.io",
  dockerd: "docker.io",
  "docker-compose": "docker-compose",
  "docker-registry": "docker-registry",
  fish: "fish",
  htpasswd: "apache2-utils",
  "mkfs.ext4": "e2fsprogs",
  "mkfs.xfs": "xfsprogs",
  ip: "iproute2",
  iptables: "iptables",
  keepalived: "keepalived",
  kubectl: "kubernetes-client",
  nginx: "nginx",
  openssl: "openssl",
  podman: "podman",
  prlimit: "util-linux",
  prometheus: "prometheus",
  promtool: "prometheus",
  python3: "python3",
  runc: "runc",
  script: "bsdutils",
  setpriv: "util-linux",
  skopeo: "skopeo",
  slowhttptest: "slowhttptest",
  strace: "strace",
  "systemd-analyze": "systemd",
  tail: "coreutils",
  tc: "iproute2",
  xfs_io: "xfsprogs",
  unshare: "util-linux",
  zsh: "zsh",
} as const;

export type RealProgram = keyof typeof packageOf;

/**
 * Whether a test that uses these programs can run here: `if (!haveAll(t, "skopeo")) return;`. Where one is
 * missing the test is skipped, loudly; with `SLUICE_REQUIRE_REAL=1`, as in CI, it fails instead.
 */
export function haveAll(t: TestContext, ...programs: RealProgram[]): boolean {
  const missing = programs.filter((program) => pathOf(program) === null);
  if (missing.length === 0) return true;
  return notHere(t, `it needs ${missing.map(described).join(", ")}`);
}

/** Whether a test that needs root (to start dockerd, to mount) can run here; skips or fails as `haveAll`. */
export function haveRoot(t: TestContext): boolean {
  return process.getuid?.() === 0 || notHere(t, "it needs root");
}

/** The full path of a program that `haveAll` has found. */
export function programPath(program: RealProgram): string {
  const path = pathOf(program);
  if (path === null) throw new Error(`missing: ${described(program)}`);
  return path;
}

function notHere(t: TestContext, reason: string): false {
  const message = `"${t.name}" did not run: ${reason}`;
  if (process.env["SLUICE_REQUIRE_REAL"] === "1") throw new Error(message);
  console.warn(`SKIPPED: ${message}`);
  t.skip(reason);
  return false;
}

function described(program: RealProgram): string {
  return `${program} (apt-get install ${packageOf[program]})`;
}

// Debian's directories come first: a newer docker client elsewhere on PATH may lack its build plugin.
// The sbin ones are often missing from PATH although anyone may run what is there.
function pathOf(program: RealProgram): string | null {
  const elsewhere = (process.env["PATH"] ?? "").split(delimiter);
  const candidates = ["/usr/bin", "/usr/sbin", ...elsewhere].map((folder) => join(folder, program));
  return candidates.find(isExecutable) ?? null;
}

function isExecutable(path: string): boolean {
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}
