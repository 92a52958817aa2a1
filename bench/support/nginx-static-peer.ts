import { join } from "node:path";
import { type Contestant, versionOf } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import { startNginx } from "./nginx.ts";
import type { Origin } from "./origin.ts";

/**
 * nginx serving the origin's files, without sendfile and with large buffers: the fastest way of
 * sending a file that we know, and so the mark to aim at. It caches nothing.
 */
export function nginxStaticPeer(lab: Lab, origin: Origin): Contestant {
  return {
    name: "nginx-static",
    version: () => versionOf("nginx", "-v"),
    start: () => startNginx(lab, () => staticFiles(origin.directory)),
  };
}

function staticFiles(originDirectory: string): string {
  const blobs = join(originDirectory, "docker/registry/v2/blobs/sha256");
  return `
  sendfile off;
  output_buffers 2 512k;
  server {
    listen LISTEN;
    location = /v2/ { return 200; }
    location ~ ^/v2/.+/blobs/sha256:(..)(.+)$ { alias ${blobs}/$1/$1$2/data; }
  }`;
}
