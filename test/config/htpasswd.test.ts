import assert from "node:assert/strict";
import { test } from "node:test";
import { parseHtpasswd } from "../../src/config/files/htpasswd.ts";

const rest = ".".repeat(53);
const alice = `alice:$2y$10$${rest}`;

test("names and hashes of the three notations are read, in one of them", () => {
  const read = parseHtpasswd(`${alice}\nbob:$2a$04$${rest}\ncarol:$2b$14$${rest}`);

  assert.ok(read.kind === "users");
  assert.deepEqual(
    [...read.users],
    [
      ["alice", { text: `$2b$10$${rest}`, cost: 10 }],
      ["bob", { text: `$2b$04$${rest}`, cost: 4 }],
      ["carol", { text: `$2b$14$${rest}`, cost: 14 }],
    ],
  );
});

test("line ends of any system, a byte order mark, comments, empty lines and spaces at ends mean nothing", () => {
  for (const end of ["\n", "\r\n", "\r"]) {
    const lines = ["\u{feff}# who may pull", "", `${alice} \t`, "   ", "#bob:plain", ""];
    const read = parseHtpasswd(lines.join(end));

    assert.ok(read.kind === "users", JSON.stringify(end));
    assert.deepEqual([...read.users.keys()], ["alice"]);
  }
});

test("a name may be what people and programs are called", () => {
  for (const name of ["a", "robot$ci+pull", "jürgen", "alice@example.com", "#", "a b"]) {
    const read = parseHtpasswd(`x:$2y$10$${rest}\n${name}:$2y$10$${rest}`);
    // A line that begins with "#" is a comment.
    assert.ok(read.kind === "users" && read.users.has(name) === (name !== "#"), name);
  }
});

const refused: readonly (readonly [line: string, message: RegExp])[] = [
  ["no colon at all", /has no ":" between/],
  [`:$2y$10$${rest}`, /has no name before its colon/],
  [` bob:$2y$10$${rest}`, /begins or ends with a space/],
  [`b\u0007b:$2y$10$${rest}`, /characters that are no text/],
  [`b\u{fffd}b:$2y$10$${rest}`, /characters that are no text/],
  [`${"b".repeat(256)}:$2y$10$${rest}`, /more than 255 characters/],
  [`anonymous:$2y$10$${rest}`, /has the name anonymous, which means others/],
  [`logged-in:$2y$10$${rest}`, /has the name logged-in, which means others/],
  [`alice:$2y$10$${rest}`, /is about the same user as line 1; remove one of them/],
  ["bob:", /has no hash, and only bcrypt is taken; make it anew with htpasswd -B -C 10 FILE NAME/],
  ["bob:hunter2", /has no hash that is known, and only bcrypt/],
  ["bob:$apr1$abcdefgh$0123456789012345678901", /has an MD5 hash/],
  ["bob:$1$abcdefgh$0123456789012345678901", /has an MD5 hash/],
  ["bob:{SHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", /has a SHA-1 hash/],
  ["bob:{SSHA}qUqP5cyxm6YcTAhz05Hph5gvu9M=", /has a SHA-1 hash/],
  ["bob:rqXexS6ZhobKA", /has no hash that is known/],
  ["bob:$5$rounds=5000$salt$hash", /has a SHA-256 hash/],
  ["bob:$6$salt$hash", /has a SHA-512 hash/],
  ["bob:$y$j9T$salt$hash", /has a yescrypt or scrypt hash/],
  ["bob:$argon2id$v=19$m=65536,t=3,p=4$salt$hash", /has an Argon2 hash/],
  [`bob:sha256:${"a".repeat(64)}`, /has the hash of a token/],
  [`bob:$2y$31$${rest}`, /has a bcrypt hash of cost 31, and 4 to 14 are taken/],
  [`bob:$2y$15$${rest}`, /of cost 15/],
  [`bob:$2a$03$${rest}`, /of cost 3/],
  [`bob:$2y$99999999999999999999$${rest}`, /of cost 1/],
  [`bob:$2x$10$${rest}`, /cut off or damaged/],
  [`bob:$2$10$${rest}`, /cut off or damaged/],
  [`bob:$2y$10$${rest.slice(1)}`, /cut off or damaged/],
  [`bob:$2y$10$${rest}.`, /cut off or damaged/],
  [`bob:$2y$10$${rest.slice(1)}!`, /cut off or damaged/],
  [`bob:$2y$010$${rest.slice(1)}`, /cut off or damaged/],
  [`bob:$2y$10$${rest}:extra`, /cut off or damaged/],
];

for (const [line, message] of refused) {
  test(`the password file's line ${JSON.stringify(line.slice(0, 20))}… is refused, and not shown: ${message.source}`, () => {
    const read = parseHtpasswd(`${alice}\n# bob\n${line}\nmallory:also wrong`);

    assert.ok(read.kind === "problem");
    assert.equal(read.line, 3);
    assert.match(read.message, message);
    assert.ok(!read.message.includes("hunter2") && !read.message.includes(rest));
  });
}

test("a file that names nobody is refused, for nobody could log in", () => {
  for (const text of ["", "\n\n", "\u{feff}", "# later\n"]) {
    const read = parseHtpasswd(text);

    assert.ok(read.kind === "problem", JSON.stringify(text));
    assert.equal(read.line, null);
    assert.match(read.message, /names nobody; add a user with htpasswd -B/);
  }
});
