import assert from "node:assert/strict";
import {
  chmod,
  mkdir,
  mkdtempDisposable,
  readdir,
  stat,
  symlink,
  writeFile,
} from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { suite, test } from "node:test";
import { digestOf } from "../../src/oci/digest.ts";
import { blobFile, layoutOf, prepareLayout } from "../../src/storage/layout.ts";
import { cannot, StorageError } from "../../src/storage/storage-error.ts";
import { runTraced, straceSkipReason } from "./child.ts";

suite("the layout of the storage directory", () => {
  test("a missing storage directory is created with its parents, for this user only", async () => {
    await using root = await mkdtempDisposable(join(tmpdir(), "sluice-"));
    const before = process.umask(0);
    try {
      await prepareLayout(join(root.path, "a/b"));
    } finally {
      process.umask(before);
    }

    const created = ["a", "a/b", "a/b/blobs", "a/b/blobs/sha256", "a/b/ingest", "a/b/trash"];
    for (const path of created) assert.equal(await modeOf(join(root.path, path)), 0o700, path);
  });

  test("a place that takes no directories is refused, and not tried for ever", async () => {
    await assert.rejects(
      prepareLayout("/proc/sluice/data"),
      refusal("cannot create /proc/sluice/data:"),
    );
  });

  test("preparing twice changes nothing and leaves no probe behind", async () => {
    await using root = await mkdtempDisposable(join(tmpdir(), "sluice-"));

    const layout = await prepareLayout(root.path);
    await prepareLayout(root.path);

    assert.deepEqual((await readdir(root.path, { recursive: true })).sort(), [
      "blobs",
      "blobs/sha256",
      "blobs/sha512",
      "ingest",
      "trash",
    ]);
    assert.deepEqual(layout, layoutOf(root.path));
  });

  test("a blob lies under its algorithm and the first two digits", () => {
    const digest = digestOf(Buffer.from(""));

    assert.equal(
      blobFile(layoutOf("/x"), digest),
      "/x/blobs/sha256/e3/e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855",
    );
  });

  test("the storage directory may be readable by others, and a symbolic link", async () => {
    await using root = await mkdtempDisposable(join(tmpdir(), "sluice-"));
    await mkdir(join(root.path, "real"));
    await chmod(join(root.path, "real"), 0o2775);
    await symlink("real", join(root.path, "link"));

    await prepareLayout(join(root.path, "link"));

    assert.equal(await modeOf(join(root.path, "real")), 0o2775);
  });

  test("a storage directory that everybody can write to is refused", async () => {
    await using root = await mkdtempDisposable(join(tmpdir(), "sluice-"));
    await chmod(root.path, 0o1777);

    await assert.rejects(
      prepareLayout(root.path),
      refusal(`every user of this machine can write to ${root.path},`),
    );
  });

  test("a directory of ours that others may read is made private", async () => {
    await using root = await mkdtempDisposable(join(tmpdir(), "sluice-"));
    await mkdir(join(root.path, "ingest"));
    await chmod(join(root.path, "ingest"), 0o755);

    await prepareLayout(root.path);

    assert.equal(await modeOf(join(root.path, "ingest")), 0o700);
  });

  for (const name of ["blobs", "blobs/sha256", "ingest", "trash"]) {
    test(`${name} is refused as a symbolic link, a file, or writable by everybody`, async () => {
      await using root = await mkdtempDisposable(join(tmpdir(), "sluice-"));
      const [linked, filed, open] = ["linked", "filed", "open"].map((it) =>
        join(root.path, it, name),
      );
      assert.ok(linked && filed && open);
      for (const path of [linked, filed, open]) await mkdir(join(path, ".."), { recursive: true });
      await mkdir(join(root.path, "elsewhere"));
      await symlink(join(root.path, "elsewhere"), linked);
      await writeFile(filed, "");
      await mkdir(open);
      await chmod(open, 0o777);

      const prepared = (directory: string): Promise<unknown> =>
        prepareLayout(join(root.path, directory));
      await assert.rejects(prepared("linked"), refusal(`${linked} is a symbolic link, but`));
      await assert.rejects(prepared("filed"), refusal(`${filed} is no directory, but`));
      await assert.rejects(
        prepared("open"),
        refusal(`every user of this machine can write to ${open},`),
      );
      assert.deepEqual(await readdir(join(root.path, "elsewhere")), []);
    });
  }

  test("a file where the storage directory or a parent of it should be is refused", async () => {
    await using root = await mkdtempDisposable(join(tmpdir(), "sluice-"));
    const file = join(root.path, "file");
    await writeFile(file, "");
    await symlink("nowhere", join(root.path, "dangling"));

    await assert.rejects(
      prepareLayout(file),
      refusal(`cannot create ${file}: it is not a directory.`),
    );
    await assert.rejects(
      prepareLayout(join(file, "below")),
      refusal(`cannot create ${join(file, "below")}: a part of its path is not a directory.`),
    );
    await assert.rejects(
      prepareLayout(join(root.path, "dangling")),
      refusal(`cannot create ${join(root.path, "dangling")}: a part of its path is missing`),
    );
  });

  test("a path too long for the control socket is refused with its length and the limit", async () => {
    await using root = await mkdtempDisposable(join(tmpdir(), "sluice-"));
    const fitting = join(
      root.path,
      "x".repeat(107 - root.path.length - 1 - "/control.sock".length),
    );

    await prepareLayout(fitting);
    await assert.rejects(
      prepareLayout(`${fitting}x`),
      refusal(
        `the path ${fitting}x/control.sock has 108 bytes, but a Unix socket's path may have at most 107.`,
      ),
    );
  });

  test("a directory that cannot be written to is refused with the reason", {
    skip: straceSkipReason(),
  }, async () => {
    await using root = await mkdtempDisposable(join(tmpdir(), "sluice-"));
    const layout = await prepareLayout(root.path);
    const reasons = {
      EACCES: "permission denied. Give the user that runs sluice write access",
      EROFS: "its file system is read-only. Mount it writable",
      ENOSPC: "no space or no inodes are left on its file system. Free some",
    };

    for (const [code, reason] of Object.entries(reasons)) {
      // Only the probe is left to fail: root passes permission checks, and the directories are there.
      const { output } = await runTraced(
        ["-e", "trace=rename", "-e", `inject=rename:error=${code}`],
        "prepare-layout",
        root.path,
      );
      assert.equal(
        output,
        `StorageError: cannot write to ${layout.ingest}: ${reason}, or set storage.directory to another place\n`,
      );
    }
    assert.deepEqual(await readdir(root.path), ["blobs", "ingest", "trash"]);
  });

  test("an error nobody has foreseen keeps its words and its cause", () => {
    const cause = new Error("the disk is on fire");

    const error = cannot("write to /x", cause);

    assert.match(error.message, /^cannot write to \/x: the disk is on fire\. /);
    assert.equal(error.cause, cause);
  });
});

async function modeOf(path: string): Promise<number> {
  return (await stat(path)).mode & 0o7777;
}

function refusal(beginning: string): (error: unknown) => boolean {
  return (error) => {
    assert.ok(error instanceof StorageError, String(error));
    assert.equal(error.message.slice(0, beginning.length), beginning);
    return true;
  };
}
