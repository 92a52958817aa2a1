import assert from "node:assert/strict";
import { type LookupAddress, type LookupOptions, lookup as resolveName } from "node:dns";
import { test } from "node:test";
import { ForbiddenHop, HopGuard } from "../../src/upstream/exchange/hop-guard.ts";

// Literal addresses of the documentation networks, so that no test needs a name server.
const publicEndpoint = "https://203.0.113.5";
const plainEndpoint = "http://203.0.113.5";

const loopback: readonly string[] = [
  "http://127.0.0.1/",
  "http://127.255.255.254:22/",
  "http://127.1/",
  "http://0177.0.0.1/",
  "http://0x7f.0.0.1/",
  "http://0x7f000001/",
  "http://2130706433/",
  "http://017700000001/",
  "http://127.0x0.0.1/",
  "http://0.0.0.0/",
  "http://0/",
  "http://１２７.0.0.1/",
  "http://127。0。0。1/",
  "http://%31%32%37.0.0.1/",
  "http://224.0.0.1/",
  "http://255.255.255.255/",
  "http://[::1]/",
  "http://[0:0:0:0:0:0:0:1]/",
  "http://[::]/",
  "http://[::ffff:127.0.0.1]/",
  "http://[::ffff:7f00:1]/",
  "http://[::127.0.0.1]/",
  "http://[ff02::1]/",
  "http://localhost/",
  "http://LOCALHOST/",
  "http://localhost./",
  "http://registry.localhost/",
  "http://registry.localhost./",
];

const linkLocal: readonly string[] = [
  "http://169.254.169.254/latest/meta-data/",
  "http://0xa9fea9fe/",
  "http://2852039166/",
  "http://[fe80::1]/",
  "http://[::ffff:169.254.169.254]/",
  "http://[fd00:ec2::254]/",
];

const privates: readonly string[] = [
  "http://10.0.0.1/",
  "http://10.255.255.255/",
  "http://167772161/",
  "http://012.0.0.1/",
  "http://172.16.0.1/",
  "http://172.31.255.255/",
  "http://192.168.1.1/",
  "http://100.64.0.1/",
  "http://198.18.0.1/",
  "http://[fc00::1]/",
  "http://[fdff::1]/",
  "http://[::ffff:10.0.0.1]/",
  "http://[64:ff9b::a00:1]/",
  "http://[2002:a00:1::]/",
];

const publics: readonly string[] = [
  "http://203.0.113.9/",
  // Octal, as browsers read it: 87.0.0.1. What is judged is what the socket is given.
  "http://0127.0.0.1/",
  "http://9.255.255.255/",
  "http://11.0.0.0/",
  "http://172.15.255.255/",
  "http://172.32.0.0/",
  "http://192.167.255.255/",
  "http://100.63.255.255/",
  "http://100.128.0.0/",
  "http://[2001:db8::1]/",
  "http://cdn.example/",
  "http://localhost.example/",
  "http://notlocalhost/",
];

const reaches = [
  ["a loopback address", loopback],
  ["a link-local address", linkLocal],
  ["a private address", privates],
] as const;

for (const [what, hops] of reaches) {
  for (const hop of hops) {
    test(`from a public endpoint ${what}, ${hop}, is not followed`, async () => {
      await assertForbidden(plainEndpoint, hop);
    });
  }
}

for (const hop of publics) {
  test(`from a public endpoint ${hop} is followed`, async () => {
    await guard(plainEndpoint).assertAllowed(new URL(hop), new URL(plainEndpoint));
  });
}

test("privateRedirects opens private networks, and neither loopback nor link-local", async () => {
  const open = guard(plainEndpoint, true);
  const from = new URL(plainEndpoint);

  for (const hop of privates) await open.assertAllowed(new URL(hop), from);
  for (const hop of [...loopback, ...linkLocal]) {
    await assert.rejects(open.assertAllowed(new URL(hop), from), ForbiddenHop);
  }
});

test("the refusal of a private address names the key that would allow it, others name none", async () => {
  const refusal = await refusalOf(plainEndpoint, "http://10.0.0.1/");
  assert.match(refusal.message, /10\.0\.0\.1.*upstreams\."ghcr\.io"\.privateRedirects/);
  for (const hop of ["http://127.0.0.1/", "http://169.254.169.254/"]) {
    assert.doesNotMatch((await refusalOf(plainEndpoint, hop)).message, /privateRedirects/);
  }
});

const homes: readonly (readonly [endpoint: string, allowed: string[], forbidden: string[]])[] = [
  [
    "http://10.1.2.3",
    ["http://10.9.9.9/", "http://192.168.0.1/"],
    ["http://127.0.0.1/", "http://169.254.169.254/"],
  ],
  [
    "http://127.0.0.1:5000",
    ["http://127.0.0.2/", "http://[::1]/", "http://localhost/", "http://10.0.0.1/"],
    ["http://169.254.169.254/"],
  ],
  ["http://localhost:5000", ["http://127.0.0.1/", "http://10.0.0.1/"], ["http://169.254.169.254/"]],
  ["http://[fe80::1]", ["http://169.254.1.1/"], ["http://127.0.0.1/", "http://10.0.0.1/"]],
];

for (const [endpoint, allowed, forbidden] of homes) {
  test(`an endpoint at ${endpoint} may point to ${allowed.join(" ")}, not to ${forbidden.join(" ")}`, async () => {
    for (const hop of allowed) {
      await guard(endpoint).assertAllowed(new URL(hop), new URL(endpoint));
    }
    for (const hop of forbidden) await assertForbidden(endpoint, hop);
  });
}

test("https never becomes http, http may become https", async () => {
  const hop = guard(publicEndpoint);
  await assert.rejects(
    hop.assertAllowed(new URL("http://203.0.113.9/"), new URL(publicEndpoint)),
    ForbiddenHop,
  );
  await hop.assertAllowed(new URL("https://203.0.113.9/"), new URL(publicEndpoint));
  await hop.assertAllowed(new URL("https://203.0.113.9/"), new URL(plainEndpoint));
});

for (const hop of [
  "ftp://203.0.113.9/",
  "file:///etc/passwd",
  "gopher://203.0.113.9:70/_",
  "ws://203.0.113.9/",
  "data:text/plain,x",
  "javascript:1",
  "blob:http://203.0.113.9/x",
  "unix:/run/docker.sock",
]) {
  test(`${hop} is not followed`, async () => {
    await assertForbidden(plainEndpoint, hop);
  });
}

test("a URL with a user name or a password is not followed", async () => {
  for (const user of ["user", "user:secret", ":secret", "203.0.113.5%40"]) {
    const refusal = await refusalOf(plainEndpoint, `http://${user}@203.0.113.9/`);
    assert.doesNotMatch(refusal.message, /secret/);
  }
});

test("a name is judged by the addresses it is looked up to, at the moment of connecting", async () => {
  const { error, addresses } = await lookUp(guard(plainEndpoint), "localhost", { all: true });

  assert.ok(error instanceof ForbiddenHop, `${error}`);
  assert.match(error.message, /localhost is a loopback address/);
  assert.equal(addresses, "");
});

test("a look-up of one address is judged the same", async () => {
  const { error } = await lookUp(guard(plainEndpoint), "localhost", {});

  assert.ok(error instanceof ForbiddenHop, `${error}`);
});

test("a look-up that is allowed gives what the system's gives", async () => {
  const near = guard("http://127.0.0.1:5000");
  const { promise, resolve } = Promise.withResolvers<LookupAddress[]>();
  resolveName("localhost", { all: true }, (_error, found) => resolve(found));
  const expected = await promise;

  const all = await lookUp(near, "localhost", { all: true });
  const one = await lookUp(near, "localhost", {});

  assert.equal(all.error, null);
  assert.deepEqual(all.addresses, expected);
  assert.equal(one.error, null);
  assert.equal(one.addresses, expected[0]?.address);
});

test("a look-up that fails fails with the resolver's own error", async () => {
  const { error } = await lookUp(guard(plainEndpoint), "name with spaces", { all: true });

  assert.ok(error && !(error instanceof ForbiddenHop));
  assert.equal((error as NodeJS.ErrnoException).syscall, "getaddrinfo");
});

function guard(endpoint: string, privateRedirects = false): HopGuard {
  return new HopGuard({ endpoint: new URL(endpoint), upstream: "ghcr.io", privateRedirects });
}

async function assertForbidden(endpoint: string, hop: string): Promise<void> {
  await refusalOf(endpoint, hop);
}

async function refusalOf(endpoint: string, hop: string): Promise<Error> {
  try {
    await guard(endpoint).assertAllowed(new URL(hop), new URL(endpoint));
  } catch (error) {
    assert.ok(error instanceof ForbiddenHop, `${error}`);
    return error;
  }
  throw new Error(`${hop} was allowed`);
}

function lookUp(
  hopGuard: HopGuard,
  name: string,
  options: LookupOptions,
): Promise<{ error: Error | null; addresses: unknown }> {
  return new Promise((resolve) => {
    hopGuard.lookup(name, options, (error, addresses) => resolve({ error, addresses }));
  });
}
