import packageJson from "../../package.json" with { type: "json" };

/** Of this checkout, such as `0.1.0`. */
export const version: string = packageJson.version;
