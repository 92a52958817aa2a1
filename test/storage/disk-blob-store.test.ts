import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { statSync } from "node:fs";
import {
  chmod,
  mkdir,
  open,
  readdir,
  readFile,
  rename,
  rm,
  stat,
  symlink,
  truncate,
  writeFile,
} from "node:fs/promises";
import { dirname, join } from "node:path";
import { suite, test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { DiskBlobStore } from "../../src/storage/disk/disk-blob-store.ts";
import { blobFile } from "../../src/storage/layout.ts";
import { codeOf, StorageError } from "../../src/storage/storage-error.ts";
import { rehash } from "../../src/storage/verification/rehash.ts";
import {
  type BlobStoreFixture,
  blobStoreSuite,
  commitBytes,
  storedBytes,
} from "../support/blob-store-suite.ts";
import { runTraced, runWithFileLimit, straceSkipReason } from "./child.ts";
import { openFilesBelow, type StoreDirectory, storeDirectory } from "./storage-directory.ts";

const tampering: Record<
  string,
  { with: (file: string, bytes: Buffer) => Promise<void>; intact: boolean }
> = {
  "flips a bit": {
    intact: false,
    with: async (file, bytes) => {
      await using handle = await open(file, "r+");
      await handle.write(Buffer.from([(bytes[500] ?? 0) ^ 1]), 0, 1, 500);
    },
  },
  "takes the last byte away": { intact: false, with: (file) => truncate(file, 99_999) },
  "takes all bytes away": { intact: false, with: (file) => truncate(file, 0) },
  "adds a byte": { intact: false, with: (file) => truncate(file, 100_001) },
  "puts a copy in its place": {
    intact: true,
    with: async (file, bytes) => {
      await writeFile(`${file}.copy`, bytes);
      await rename(`${file}.copy`, file);
    },
  },
  "changes its mode": { intact: true, with: (file) => chmod(file, 0o644) },
};

blobStoreSuite("DiskBlobStore", storeDirectory);
blobStoreSuite("DiskBlobStore that expects large content", expectingLarge);

/** As for content that is worth a thread that hashes it. */
async function expectingLarge(): Promise<BlobStoreFixture> {
  const directory = await storeDirectory();
  const { store } = directory;
  return {
    store: {
      open: (digest) => store.open(digest),
      ingest: (digest) => store.ingest(digest, 1024 ** 3),
      remove: (digest) => store.remove(digest),
      quarantine: (digest) => store.quarantine(digest),
      sweep: () => store.sweep(),
    },
    [Symbol.asyncDispose]: async () => {
      await store[Symbol.asyncDispose]();
      await directory[Symbol.asyncDispose]();
    },
  };
}

suite("blobs on disk", () => {
  test("a blob is a private file in a private directory, whatever the umask", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1000);
    const before = process.umask(0);
    try {
      await commitBytes(directory.store, bytes);
    } finally {
      process.umask(before);
    }

    const file = blobFile(directory.layout, digestOf(bytes));
    assert.deepEqual(await readFile(file), bytes);
    assert.equal((await stat(file)).mode & 0o777, 0o600);
    assert.equal((await stat(dirname(file))).mode & 0o777, 0o700);
    assert.deepEqual(await readdir(directory.layout.ingest), []);
  });

  test("neither ingest/ nor trash/ keeps anything of what was thrown away", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1000);
    await commitBytes(directory.store, bytes);
    {
      await using ingest = await directory.store.ingest(digestOf(bytes));
      await ingest.append([bytes]);
    }
    await directory.store.remove(digestOf(bytes));

    assert.deepEqual(await readdir(directory.layout.ingest), []);
    assert.deepEqual(await readdir(directory.layout.trash), []);
  });

  test("a symbolic link is not followed and is replaced by the next commit", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1000);
    const outside = join(directory.layout.directory, "outside");
    await writeFile(outside, bytes);
    const file = blobFile(directory.layout, digestOf(bytes));
    await mkdir(dirname(file));
    await symlink(outside, file);

    assert.equal(await directory.store.open(digestOf(bytes)), null);
    await commitBytes(directory.store, bytes);

    assert.deepEqual(await storedBytes(directory.store, digestOf(bytes)), bytes);
    assert.ok((await stat(file)).ino !== (await stat(outside)).ino);
    await directory.store.remove(digestOf(bytes));
    assert.deepEqual(await readFile(outside), bytes);
  });

  test("a FIFO does not hang anybody and is replaced by the next commit", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1000);
    const file = blobFile(directory.layout, digestOf(bytes));
    await mkdir(dirname(file));
    execFileSync("mkfifo", [file]);

    assert.equal(await directory.store.open(digestOf(bytes)), null);
    await commitBytes(directory.store, bytes);

    assert.deepEqual(await storedBytes(directory.store, digestOf(bytes)), bytes);
  });

  test("a directory in the place of a blob is none, and is replaced by the next commit", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1000);
    const file = blobFile(directory.layout, digestOf(bytes));
    await mkdir(join(file, "with", "content"), { recursive: true });

    assert.equal(await directory.store.open(digestOf(bytes)), null);
    await commitBytes(directory.store, bytes);

    assert.deepEqual(await storedBytes(directory.store, digestOf(bytes)), bytes);
    assert.deepEqual(await readdir(directory.layout.trash), []);
  });

  test("an error that is not about a missing file is no miss", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1000);
    await writeFile(
      dirname(blobFile(directory.layout, digestOf(bytes))),
      "a file in the place of the shard",
    );

    await assert.rejects(
      directory.store.open(digestOf(bytes)),
      (error) => codeOf(error) === "ENOTDIR",
    );
    await assert.rejects(
      directory.store.remove(digestOf(bytes)),
      (error) => codeOf(error) === "ENOTDIR",
    );
    await assert.rejects(
      commitBytes(directory.store, bytes),
      (error) => codeOf(error) === "ENOTDIR",
    );
  });

  test("a shard that is a symbolic link is refused when the store is opened", async () => {
    await using directory = await storeDirectory();
    const shard = join(directory.layout.blobs, "sha256", "ab");
    await mkdir(join(directory.layout.blobs, "sha256", "lost+found"));
    await symlink(directory.layout.trash, shard);

    await assert.rejects(
      DiskBlobStore.open(directory.layout),
      (error) =>
        error instanceof StorageError && error.message.startsWith(`${shard} is no directory, `),
    );
  });

  for (const [what, tamper] of Object.entries(tampering)) {
    test(`the identity tells when somebody ${what}`, async () => {
      await using directory = await storeDirectory();
      const bytes = randomBytes(100_000);
      const identity = await commitBytes(directory.store, bytes);

      const file = blobFile(directory.layout, digestOf(bytes));

      await untilClockMoved(file, join(directory.layout.directory, "clock"));
      await tamper.with(file, bytes);

      await using blob = await directory.store.open(digestOf(bytes));
      assert.ok(blob);
      assert.notEqual(blob.identity, identity);
      assert.equal(await rehash(blob, digestOf(bytes)), tamper.intact);
    });
  }

  test("a file that was truncated while it is open ends early, without an error", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1000);
    await commitBytes(directory.store, bytes);
    await using blob = await directory.store.open(digestOf(bytes));

    await truncate(blobFile(directory.layout, digestOf(bytes)), 300);

    assert.equal(await blob?.read(Buffer.alloc(1000), 0), 300);
    assert.equal(await blob?.read(Buffer.alloc(1000), 300), 0);
  });

  test("a file that grew while it is open ends where it ended", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1000);
    await commitBytes(directory.store, bytes);
    await using blob = await directory.store.open(digestOf(bytes));

    await truncate(blobFile(directory.layout, digestOf(bytes)), 5000);

    assert.equal(await blob?.read(Buffer.alloc(5000), 900), 100);
    assert.equal(await blob?.read(Buffer.alloc(5000), 1000), 0);
  });

  test("bytes on the disk are not readable before their append has resolved", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1000);
    await using ingest = await directory.store.ingest(digestOf(bytes));
    const [name = ""] = await readdir(directory.layout.ingest);
    const file = join(directory.layout.ingest, name);

    const appended = ingest.append([bytes]);
    // This holds up the event loop, so that the append cannot resolve, until the bytes are there.
    while (statSync(file).size < 1000);

    assert.equal(await ingest.read(Buffer.alloc(1000), 0), 0);
    await appended;
  });

  // libuv goes on after a short write, and hides the error that stops it behind the short count.
  test("a write that the disk cuts short is an error", async () => {
    await using directory = await storeDirectory();

    const output = await runWithFileLimit(
      "commit-blob",
      directory.layout.directory,
      "x".repeat(50_000),
    );

    assert.deepEqual(JSON.parse(output), {
      outcomes: ["EFBIG", "refused", "refused"],
      stored: null,
    });
    assert.deepEqual(await readdir(directory.layout.ingest), []);
  });

  test("an ingest whose file was taken away cannot be committed", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1000);
    await using ingest = await directory.store.ingest(digestOf(bytes));
    await ingest.append([bytes]);
    await ingest.verify();
    const [name = ""] = await readdir(directory.layout.ingest);
    await rm(join(directory.layout.ingest, name));

    await assert.rejects(ingest.commit(), (error) => codeOf(error) === "ENOENT");

    await assert.rejects(ingest.commit(), /from lost to committing/);
    assert.equal(await directory.store.open(digestOf(bytes)), null);
  });
});

suite("open files of the store", () => {
  test("nothing stays open, however things end", async () => {
    await using directory = await storeDirectory();
    const { store, layout } = directory;
    const bytes = randomBytes(1000);
    const digest = digestOf(bytes);
    await commitBytes(store, bytes);
    {
      await using _blob = await store.open(digest);
      await using wrong = await store.ingest(digest);
      assert.equal((await openFilesBelow(layout.directory)).length, 2);
      await wrong.append([Buffer.from("wrong")]);
      await assert.rejects(wrong.verify());
    }
    await store.remove(digest);
    assert.equal(await store.open(digest), null);
    await mkdir(blobFile(layout, digest));
    assert.equal(await store.open(digest), null);

    assert.deepEqual(await openFilesBelow(layout.directory), []);
  });

  // The number of a closed descriptor goes to the next file opened: a read that was still running could
  // then get bytes of another blob.
  test("disposing waits for the reads that run, and later ones are refused", async () => {
    await using directory = await storeDirectory();
    const bytes = randomBytes(1_000_000);
    const other = randomBytes(1_000_000);
    await commitBytes(directory.store, bytes);
    await commitBytes(directory.store, other);
    const blob = await directory.store.open(digestOf(bytes));
    assert.ok(blob);
    const targets = Array.from({ length: 50 }, () => Buffer.alloc(1_000_000));

    let closed = false;
    const closedAtRead = targets.map((target) => blob.read(target, 0).then(() => closed));
    const disposed = blob[Symbol.asyncDispose]().then(() => {
      closed = true;
    });
    await using _other = await directory.store.open(digestOf(other));
    await disposed;

    assert.ok(!(await Promise.all(closedAtRead)).includes(true));
    for (const target of targets) assert.ok(target.equals(bytes));
    await assert.rejects(blob.read(Buffer.alloc(1), 0), /after it was closed/);
    await blob[Symbol.asyncDispose]();
  });
});

suite("commits and the kernel", { skip: straceSkipReason() }, () => {
  test("a disk that is far behind takes no more in, so that few files wait for it", async () => {
    await using directory = await storeDirectory();
    const threads = ["-E", "UV_THREADPOOL_SIZE=4"];
    // Ten seconds: the process cannot end before. However slowly it commits, few files are synced until none is taken in.
    const delay = ["-e", "trace=fdatasync", "-e", "inject=fdatasync:delay_enter=10000000"];

    const { output } = await runTraced(
      [...threads, "--seccomp-bpf", ...delay],
      "commit-many",
      directory.layout.directory,
    );

    const { taken, refusal } = JSON.parse(output) as { taken: number; refusal: string };
    assert.ok(taken >= 256 && taken < 300, `${taken}`);
    assert.match(refusal, /the disk of .* is 256 files behind/);
  });

  test("content is synced before it is renamed, and the directories after that", async () => {
    await using directory = await storeDirectory();

    const { outcome, trace } = await tracedCommit(directory, "trace=fdatasync,fsync,rename,mkdir");

    assert.deepEqual(outcome, { outcomes: ["done", "done", "refused"], stored: "hello" });
    assert.deepEqual(callsBelow(directory.layout.directory, trace), [
      "fdatasync ingest/*",
      "rename ingest/* -> blobs/sha256/2c/*",
      "mkdir blobs/sha256/2c",
      "fsync blobs/sha256",
      "rename ingest/* -> blobs/sha256/2c/*",
      "fsync blobs/sha256/2c",
    ]);
  });

  test("a failed fdatasync loses the ingest, for good", async () => {
    await using directory = await storeDirectory();

    const { outcome } = await tracedCommit(directory, "inject=fdatasync:error=EIO:when=1");

    assert.deepEqual(outcome, { outcomes: ["done", "EIO", "refused"], stored: null });
    assert.deepEqual(await readdir(directory.layout.ingest), []);
  });

  test("a directory that cannot be synced does not hide what was renamed into it", async () => {
    await using directory = await storeDirectory();
    await mkdir(dirname(blobFile(directory.layout, digestOf(Buffer.from("hello")))));

    const { outcome } = await tracedCommit(directory, "inject=fsync:error=EIO");

    assert.deepEqual(outcome, { outcomes: ["done", "done", "refused"], stored: "hello" });
  });

  test("a rename that fails leaves nothing visible", async () => {
    await using directory = await storeDirectory();

    const { outcome } = await tracedCommit(directory, "inject=rename:error=ENOSPC");

    assert.deepEqual(outcome, { outcomes: ["done", "ENOSPC", "refused"], stored: null });
    assert.deepEqual(await readdir(directory.layout.ingest), []);
  });

  test("what a short write left over is written behind it", async () => {
    await using directory = await storeDirectory();

    // The first write is not made, and said to have taken 3 bytes: so the file begins with a hole of 3.
    const { outcome } = await tracedCommit(directory, "inject=pwritev:retval=3:when=1");

    assert.equal(outcome.stored, "\0\0\0lo");
  });

  test("what a short read left over is read behind it", async () => {
    await using directory = await storeDirectory();
    const file = blobFile(directory.layout, digestOf(Buffer.from("hello")));

    // The first read of the blob is not made either.
    const { outcome } = await tracedCommit(directory, "inject=pread64:retval=3:when=1", "-P", file);

    assert.equal(outcome.stored, "\0\0\0lo");
  });
});

interface CommitOutcome {
  /** Of the append, of the commit, and of a second try to commit: done, an error's code, or refused. */
  readonly outcomes: readonly string[];
  readonly stored: string | null;
}

/** Commits "hello" in a process of its own, under strace. */
async function tracedCommit(
  directory: StoreDirectory,
  expression: string,
  ...options: string[]
): Promise<{ outcome: CommitOutcome; trace: string }> {
  const { output, trace } = await runTraced(
    ["-e", expression, ...options],
    "commit-blob",
    directory.layout.directory,
    "hello",
  );
  return { outcome: JSON.parse(output), trace };
}

/**
 * Resolves when a change to `file` would get another time than its last one: before Linux 6.13 the clock of
 * a file system moves only every few milliseconds. `scratch` is written to, to see the clock.
 */
async function untilClockMoved(file: string, scratch: string): Promise<void> {
  const { ctimeNs } = await stat(file, { bigint: true });
  for (;;) {
    await writeFile(scratch, "");
    if ((await stat(scratch, { bigint: true })).ctimeNs > ctimeNs) return;
  }
}

/** The successful and failed calls below `directory` in the order of a trace, random names as `*`. */
function callsBelow(directory: string, trace: string): string[] {
  const lines = trace.split("\n").filter((line) => line.includes(directory) && /\w+\(/.test(line));
  return lines.map((line) => {
    const call = /(\w+)\(/.exec(line)?.[1];
    const paths = [...line.matchAll(/["<]([^">]*)[">]/g)].map(([, path = ""]) =>
      path.slice(directory.length + 1).replace(/[^/]{32,}$/, "*"),
    );
    return `${call} ${paths.join(" -> ")}`;
  });
}
