import { test } from "node:test";
import { assertVerifiedToItsLastByte } from "../support/last-byte.ts";

test("a gigabyte is verified to its last byte, in little memory", async () => {
  await assertVerifiedToItsLastByte(1024 * 1024 * 1024);
});
