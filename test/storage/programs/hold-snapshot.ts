import Database from "better-sqlite3";
import { layoutOf } from "../../../src/storage/layout.ts";

// Reads the catalog as it is now, and goes on seeing that until it is killed.
const database = new Database(layoutOf(process.argv[2] ?? "").catalogFile, { readonly: true });
database.exec("BEGIN");
database.prepare("SELECT blobs FROM totals").get();
console.log("reading");
setInterval(() => database, 60_000);
