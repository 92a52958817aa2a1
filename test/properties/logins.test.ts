import assert from "node:assert/strict";
import { test } from "node:test";
import fc from "fast-check";
import { parseLogin, passwordFault } from "../../src/auth/presented-login.ts";
import { parseHtpasswd } from "../../src/config/files/htpasswd.ts";
import { parseTokens } from "../../src/config/files/tokens.ts";
import { foreignText, oddLetters, textOf } from "../support/foreign-text.ts";
import { holds } from "../support/holds.ts";

const names = fc.oneof(textOf("abzäß世.@+$-", 12), textOf("ab", 255, 250));
const salted = textOf("./AZaz09", 53, 53);
const costs = fc.integer({ min: 4, max: 14 });
const notations = fc.constantFrom("a", "b", "y");
const lines = fc.tuple(names, notations, costs, salted);

test("a file of users is read as it was written, whatever stands between its lines", async () => {
  const between = fc.constantFrom("\n", "\r\n", "\r", "\n\n", "\n# a:b\n", " \n\t\n");
  await holds(
    fc.property(
      fc.uniqueArray(lines, { selector: ([name]) => name, minLength: 1, maxLength: 5 }),
      between,
      (all, end) => {
        const written = all.map(
          ([name, notation, cost, rest]) => `${name}:$2${notation}$${padded(cost)}$${rest}`,
        );
        const read = parseHtpasswd(written.join(end) + end);

        assert.ok(read.kind === "users");
        assert.deepEqual(
          [...read.users],
          all.map(([name, , cost, rest]) => [name, { text: `$2b$${padded(cost)}$${rest}`, cost }]),
        );
      },
    ),
  );
});

test("whatever stands in a file of users, who gets in has a bcrypt hash, and what is wrong shows none", async () => {
  const secret = fc.oneof(
    salted.map((rest) => `$2y$10$${rest}CANARY`),
    fc.tuple(fc.nat(40), salted).map(([cost, rest]) => `$2y$${cost}$${rest.slice(6)}CANARY`),
    foreignText("$2aby1056:{SHA}./", 30).map((text) => `${text}CANARY`),
  );
  const line = fc.oneof(
    fc
      .tuple(fc.oneof(names, foreignText(`a: #${oddLetters}`, 10)), secret)
      .map((parts) => parts.join(":")),
    foreignText(`a:$2y#${oddLetters}`, 20),
  );
  await holds(
    fc.property(fc.array(line, { maxLength: 4 }), (all) => {
      const read = parseHtpasswd(all.join("\n"));
      if (read.kind === "problem") {
        assert.doesNotMatch(read.message, /CANARY|\n/);
        return;
      }
      assert.ok(read.users.size > 0);
      for (const { text, cost } of read.users.values()) {
        assert.match(text, /^\$2b\$\d\d\$[./A-Za-z0-9]{53}$/);
        assert.ok(cost === Number(text.slice(4, 6)) && cost >= 4 && cost <= 14);
      }
    }),
  );
});

test("whatever stands in a file of tokens, each has a hash and a name, and what is wrong shows none", async () => {
  const hex = textOf("0123456789abcdef", 64, 64);
  const secret = fc.oneof(
    hex.map((text) => `sha256:${text}`),
    foreignText("sha256:0aF CANARY", 70),
  );
  const line = fc
    .tuple(fc.oneof(names, foreignText(`a: #${oddLetters}`, 10)), secret)
    .map((parts) => parts.join(":"));
  await holds(
    fc.property(fc.array(line, { maxLength: 4 }), (all) => {
      const read = parseTokens(all.join("\n"));
      if (read.kind === "problem")
        return assert.doesNotMatch(read.message, /CANARY|[0-9a-f]{64}|\n/);
      for (const [hash, name] of read.names) {
        assert.match(hash, /^[0-9a-f]{64}$/);
        assert.notEqual(name, "");
      }
    }),
  );
});

test("a name and a password are read from Basic as RFC 7617 puts them there", async () => {
  const name = fc.string({ unit: "grapheme" }).filter((text) => !text.includes(":"));
  const scheme = fc.constantFrom("Basic", "basic", "BASIC");
  await holds(
    fc.property(scheme, name, fc.uint8Array(), (written, user, bytes) => {
      const pair = Buffer.concat([Buffer.from(`${user}:`), bytes]).toString("base64");
      const read = parseLogin(`${written} ${pair}`);

      if (user === "" && bytes.length === 0) return assert.equal(read.kind, "empty");
      assert.deepEqual(read, { kind: "basic", name: user, secret: Buffer.from(bytes) });
    }),
  );
});

test("whatever stands in Authorization, it is a login, nobody's, or cannot be read", async () => {
  await holds(
    fc.property(foreignText("Basicerbl =Og:/+-", 30), (header) => {
      const read = parseLogin(header);
      if (read.kind === "basic") assert.ok(read.name !== "" || read.secret.length > 0);
      if (read.kind === "bearer") assert.ok(header.endsWith(read.secret.toString("latin1")));
    }),
  );
});

test("a password that bcrypt would read in part is none", async () => {
  await holds(
    fc.property(fc.uint8Array({ maxLength: 80 }), (bytes) => {
      const password = Buffer.from(bytes);
      const isText = Buffer.from(password.toString("utf8")).equals(password);
      const isWhole = password.length <= 72 && !bytes.includes(0);
      assert.equal(passwordFault(password) === null, isText && isWhole);
    }),
  );
});

function padded(cost: number): string {
  return String(cost).padStart(2, "0");
}
