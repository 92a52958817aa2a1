import assert from "node:assert/strict";
import {
  commonLogFields,
  type LogField,
  otherLogFields,
  requestLogFields,
} from "../../src/telemetry/log-fields.ts";

const fields = new Map<string, LogField>([
  ...Object.entries(commonLogFields),
  ...Object.entries(requestLogFields),
  ...Object.entries(otherLogFields),
]);

const typeOf = (value: unknown): string => (Array.isArray(value) ? "array" : typeof value);

/** Throws if the line has a field that docs/log.md does not name, or one of another type. null stands for what is not known. */
export function assertDocumented(line: Readonly<Record<string, unknown>>): void {
  const text = JSON.stringify(line);
  for (const [name, value] of Object.entries(line)) {
    const field =
      fields.get(name) ??
      assert.fail(`${name} is no field of src/telemetry/log-fields.ts: ${text}`);
    if (value !== null) assert.equal(typeOf(value), field.type, `${name} in ${text}`);
  }
}
