import assert from "node:assert/strict";
import { test } from "node:test";
import Database from "better-sqlite3";
import { migrate } from "../../src/storage/catalog/file/migrations.ts";
import { readStatements } from "../../src/storage/catalog/reading/read-statements.ts";
import { WriteStatements } from "../../src/storage/catalog/writing/write-statements.ts";
import { choosePurged } from "../../src/storage/eviction/choose-purged.ts";
import { chooseVictims } from "../../src/storage/eviction/choose-victims.ts";
import { pinnedContent } from "../../src/storage/eviction/pinned-content.ts";
import { imageSharers } from "../../src/storage/images/image-sharers.ts";
import { listImages } from "../../src/storage/images/list-images.ts";
import { nearImages } from "../../src/storage/images/near-images.ts";
import { readPulls } from "../../src/storage/images/read-pulls.ts";
import { recentImages } from "../../src/storage/images/recent-images.ts";
import { readSavings, readTraffic } from "../../src/storage/statistics/read-traffic.ts";
import { locationOf, tagOf } from "../support/catalog-suite.ts";

// SQLite (3.48 and later) looks at the integers that a column is compared with where it plans a join, an order or a limit, and
// at those of a LIMIT. Where such a one is a parameter, each execution compiles the statement anew, which takes five times
// as long as most of them. A plus before it says that it is none: `digest = +?`.
const planned = /\b(?:JOIN|ORDER BY|LIMIT)\b/;
const looked = /(?:[=<>]|\bLIMIT|\bOFFSET)\s*(?:\?|:\w)/;

test("no statement of the catalog is compiled anew whenever it is executed", () => {
  using stack = new DisposableStack();
  const database = stack.adopt(new RecordingDatabase(), (it) => it.close());
  migrate(database);

  prepareEverything(database);

  assert.ok(database.prepared.size > 50);
  const compiledAnew = [...database.prepared].filter(
    (source) => planned.test(source) && looked.test(source),
  );
  assert.deepEqual(compiledAnew, []);
});

class RecordingDatabase extends Database {
  readonly prepared = new Set<string>();

  // biome-ignore lint/suspicious/noExplicitAny: as the type that it overrides.
  override prepare(source: string): any {
    this.prepared.add(source);
    return super.prepare(source);
  }
}

function prepareEverything(database: Database.Database): void {
  const location = locationOf("hub.test", "library/alpine");
  readStatements(database);
  new WriteStatements(database);
  chooseVictims(database, {
    freeBytes: 1,
    idleSinceMs: 1,
    pins: [],
    limit: 1,
    rest: "left",
    named: true,
    arriving: { digests: [], pulledSinceMs: 0 },
  });
  choosePurged(database, ["hub.test/*"]);
  pinnedContent(database, ["hub.test/*"]);
  listImages(database, { glob: null, sort: "name", limit: 1, after: null });
  nearImages(database, { ...location, reference: { kind: "tag", tag: tagOf("v1") } });
  imageSharers(database, { content: [], own: [] });
  readPulls(database, 0);
  recentImages(database, 0);
  const window = { fromMs: 0, toMs: 3_600_000, stepMs: 3_600_000 };
  readTraffic(database, { window, pending: [] });
  readSavings(database, { window, by: "network" }, []);
}
