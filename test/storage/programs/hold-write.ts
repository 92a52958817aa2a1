import Database from "better-sqlite3";
import { layoutOf } from "../../../src/storage/layout.ts";

// Writes to the catalog, and does not commit until it is killed.
const database = new Database(layoutOf(process.argv[2] ?? "").catalogFile);
database.exec("BEGIN IMMEDIATE");
console.log("writing");
setInterval(() => database, 60_000);
