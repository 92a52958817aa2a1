import assert from "node:assert/strict";
import { test } from "node:test";
import { ForbiddenHop } from "../../src/upstream/exchange/hop-guard.ts";
import { knownTokenServers } from "../../src/upstream/tokens/known-token-servers.ts";
import { RealmGuard } from "../../src/upstream/tokens/realm-guard.ts";

function maySee(endpoint: string, realm: string, realms: readonly string[] = []): boolean {
  const guard = new RealmGuard({ endpoint: new URL(endpoint), upstream: "docker.io", realms });
  try {
    guard.assertMaySeeCredentials(new URL(realm));
    return true;
  } catch (error) {
    assert.ok(error instanceof ForbiddenHop);
    return false;
  }
}

const hub = "https://registry-1.docker.io";

test("the endpoint's own origin may see the credentials, whatever the path", () => {
  assert.ok(maySee("https://ghcr.io", "https://ghcr.io/token"));
  assert.ok(maySee("https://ghcr.io:443/base", "https://GHCR.io/token"));
  assert.ok(maySee("http://10.0.0.1:5000", "http://10.0.0.1:5000/auth"));
  assert.ok(!maySee("http://10.0.0.1:5000", "http://10.0.0.1:5001/auth"));
  assert.ok(!maySee("https://ghcr.io", "https://ghcr.io:8443/token"));
  assert.ok(!maySee("https://ghcr.io", "https://ghcr.io.evil.example/token"));
  assert.ok(!maySee("https://ghcr.io", "https://auth.ghcr.io/token"));
});

test("known registries have the token servers that are known for them, and no others", () => {
  for (const [registry, tokenServer] of knownTokenServers) {
    assert.ok(maySee(`https://${registry}`, `https://${tokenServer}/token`), registry);
    assert.ok(!maySee(`https://${registry}`, `http://${tokenServer}/token`), registry);
    assert.ok(!maySee(`https://${registry}`, `https://${tokenServer}:8443/token`), registry);
    assert.ok(!maySee(`https://${registry}:8443`, `https://${tokenServer}/token`), registry);
    assert.ok(!maySee("https://registry.example", `https://${tokenServer}/token`), registry);
    assert.ok(!maySee(`http://${registry}`, `https://${tokenServer}/token`), registry);
  }
});

test("what is named under realms is trusted, with its port", () => {
  assert.ok(maySee(hub, "https://auth.example.com/token", ["auth.example.com"]));
  assert.ok(maySee(hub, "https://auth.example.com:443/token", ["auth.example.com"]));
  assert.ok(maySee(hub, "https://auth.example.com/token", ["auth.example.com:443"]));
  assert.ok(maySee(hub, "https://auth.example.com:8443/", ["x.example", "auth.example.com:8443"]));
  assert.ok(maySee(hub, "https://[fd00::1]:8443/", ["[fd00::1]:8443"]));
  assert.ok(!maySee(hub, "https://auth.example.com:8443/", ["auth.example.com"]));
  assert.ok(!maySee(hub, "https://auth.example.com/", ["auth.example.com:8443"]));
  assert.ok(!maySee(hub, "https://auth.example.com.evil.example/", ["auth.example.com"]));
  assert.ok(!maySee(hub, "https://x.auth.example.com/", ["auth.example.com"]));
});

test("credentials for an https endpoint are never sent in the clear", () => {
  assert.ok(!maySee(hub, "http://auth.example.com/token", ["auth.example.com"]));
  assert.ok(!maySee(hub, "http://registry-1.docker.io/token", ["registry-1.docker.io"]));
  assert.ok(maySee("http://10.0.0.1", "http://10.0.0.2/token", ["10.0.0.2"]));
  assert.ok(maySee("http://10.0.0.1", "https://auth.example.com/token", ["auth.example.com"]));
});

test("the refusal names the key and the host", () => {
  const guard = new RealmGuard({ endpoint: new URL(hub), upstream: "docker.io", realms: [] });
  assert.throws(() => guard.assertMaySeeCredentials(new URL("https://evil.example:8443/token")), {
    message:
      'the token server evil.example:8443 may not see the credentials; if they are meant for it, add evil.example:8443 to upstreams."docker.io".realms',
  });
});
