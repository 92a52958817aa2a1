import { join } from "node:path";
import type { Certificate } from "../../test/support/certificate.ts";
import { type Contestant, versionOf } from "./contestant.ts";
import type { Lab } from "./lab.ts";
import { startNginx } from "./nginx.ts";

/**
 * nginx with `proxy_cache`: knows nothing of registries, verifies nothing, and is what a registry
 * mirror could be at best as a plain cache.
 */
export function nginxPeer(lab: Lab, tls?: Certificate): Contestant {
  return {
    name: "nginx",
    version: () => versionOf("nginx", "-v"),
    start: (originUrl) => startNginx(lab, (directory) => proxyCache(directory, originUrl), tls),
  };
}

// Buffers: with the default of 8 × 4 KiB a cold blob comes in 32 KiB steps, which no operator of a
// mirror would keep. The lock's limits: by default a second client stops waiting for the first after
// 5 s and asks the origin itself; here a collapsed pull shall stay collapsed, as in sluice.
function proxyCache(directory: string, originUrl: string): string {
  const { host } = new URL(originUrl);
  return `
  proxy_cache_path ${join(directory, "cache")} levels=1:2 keys_zone=bench:10m max_size=100g
                   inactive=1d use_temp_path=off;
  upstream origin { server ${host}; keepalive 32; }
  sendfile on;
  tcp_nopush on;
  server {
    listen LISTEN;
    proxy_http_version 1.1;
    proxy_set_header Connection "";
    proxy_set_header Host ${host};
    proxy_buffer_size 64k;
    proxy_buffers 16 256k;
    proxy_busy_buffers_size 1m;
    proxy_temp_file_write_size 1m;
    proxy_cache bench;
    proxy_cache_key $uri;
    proxy_cache_lock on;
    proxy_cache_lock_age 2m;
    proxy_cache_lock_timeout 2m;
    location / { proxy_pass http://origin; proxy_cache_valid 200 1m; }
    location ~ ^/v2/.+/blobs/ { proxy_pass http://origin; proxy_cache_valid 200 1d; }
  }`;
}
