import assert from "node:assert/strict";
import type { IncomingMessage } from "node:http";
import { Socket } from "node:net";
import { test } from "node:test";
import { TLSSocket } from "node:tls";
import { inspect } from "node:util";
import { AccessRules } from "../../src/auth/access-rules.ts";
import { Gate } from "../../src/auth/gate.ts";
import { parseNetwork } from "../../src/config/network.ts";
import { Forwarding } from "../../src/server/forwarding.ts";
import { unaskedUpstream } from "../support/unasked-upstream.ts";

const authorization = `Basic ${Buffer.from("alice:CANARY").toString("base64")}`;

test("a login for an upstream is refused in clear from another machine, and taken over TLS or from this machine", () => {
  const forwarding = new Forwarding(
    () => 0,
    () => gateWith([]),
  );
  const upstream = unaskedUpstream("private.test", { forwards: true });
  const from = (remoteAddress: string): IncomingMessage => requestOver({ remoteAddress } as Socket);

  for (const address of ["192.0.2.1", "10.0.0.1", "2001:db8::1", "128.127.0.0.1", ""]) {
    assert.throws(() => forwarding.loginFor(upstream, from(address)), /over TLS only/, address);
    assert.equal(forwarding.loginFor(unaskedUpstream("private.test"), from(address)), null);
  }
  for (const address of ["127.0.0.1", "::1", "::ffff:127.0.0.1"]) {
    assert.ok(forwarding.loginFor(upstream, from(address))?.credentials);
  }
  const overTls = new TLSSocket(new Socket());
  assert.ok(forwarding.loginFor(upstream, requestOver(overTls))?.credentials);
  overTls.destroy();
});

test("a login for an upstream over TLS that a trusted proxy has ended is taken, on the proxy's word alone", () => {
  const forwarding = new Forwarding(
    () => 0,
    () => gateWith(["10.0.0.0/8", "127.0.0.1"]),
  );
  const upstream = unaskedUpstream("private.test", { forwards: true });
  const from = (remoteAddress: string, proto?: string): IncomingMessage => {
    const request = requestOver({ remoteAddress } as Socket);
    if (proto !== undefined) request.headers["x-forwarded-proto"] = proto;
    return request;
  };

  for (const proxy of ["10.0.0.5", "::ffff:10.0.0.5", "127.0.0.1"]) {
    for (const proto of ["https", "HTTPS", "https, https"])
      assert.ok(forwarding.loginFor(upstream, from(proxy, proto))?.credentials, proxy);
    for (const proto of [undefined, "", "http", "http, https", "https, http", "httpsx"])
      assert.throws(
        () => forwarding.loginFor(upstream, from(proxy, proto)),
        /over TLS only/,
        proto,
      );
  }
  assert.throws(() => forwarding.loginFor(upstream, from("192.0.2.1", "https")), /over TLS only/);
  assert.ok(forwarding.loginFor(upstream, from("::1"))?.credentials, "it is no proxy");
});

test("callers with logins for an upstream are told apart by what they present, and nothing of it is printed", () => {
  const forwarding = new Forwarding(
    () => 0,
    () => gateWith([]),
  );
  const upstream = unaskedUpstream("private.test", { forwards: true });
  const local = { remoteAddress: "127.0.0.1" } as Socket;
  const callerBy = (login?: string) =>
    forwarding.loginFor(upstream, requestOver(local, login)) ?? assert.fail("nobody");
  const alice = callerBy(authorization);

  assert.equal(callerBy(authorization).mark, alice.mark);
  assert.notEqual(
    callerBy(`Basic ${Buffer.from("alice:CANARY2").toString("base64")}`).mark,
    alice.mark,
  );
  // The same text, divided in another way.
  const other = [callerBy(`Basic ${btoa("a:b:c")}`), callerBy(`Basic ${btoa("a:b")}`)];
  assert.notEqual(other[0]?.mark, other[1]?.mark);
  assert.notEqual(
    new Forwarding(
      () => 0,
      () => gateWith([]),
    ).loginFor(upstream, requestOver(local, authorization))?.mark,
    alice.mark,
    "a mark means nothing elsewhere",
  );
  const printed = [inspect(alice, { depth: 9 }), JSON.stringify(alice), JSON.stringify({ alice })];
  for (const text of printed) assert.ok(!text.includes("CANARY"), text);
});

function gateWith(proxies: readonly string[]): Gate {
  const trustedProxies = proxies.map((text) => parseNetwork(text) ?? assert.fail(text));
  const rules = new AccessRules({ auth: null, access: null });
  return new Gate(null, rules, { trustedProxies, clientCertificates: null });
}

function requestOver(socket: Socket, login: string = authorization): IncomingMessage {
  return { headers: { authorization: login }, socket } as IncomingMessage;
}
