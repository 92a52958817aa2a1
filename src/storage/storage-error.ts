/**
 * The storage directory cannot be used as it is, or what lies in it failed. The message is one sentence
 * for an operator: the path, what is wrong with it, what to do. `cause` is the error beneath, with its `code`.
 */
export class StorageError extends Error {
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "StorageError";
  }
}

/** The StorageError for a failed system call: `action` is what was being done, such as `write to /x/data`. */
export function cannot(action: string, cause: unknown): StorageError {
  const problem = problems[codeOf(cause) ?? ""] ?? `${messageOf(cause)}. Repair it`;
  return new StorageError(
    `cannot ${action}: ${problem}, or set storage.directory to another place`,
    {
      cause,
    },
  );
}

/** The `code` of an error of Node or SQLite, such as `ENOENT`. */
export function codeOf(error: unknown): string | null {
  const code = error instanceof Error && "code" in error ? error.code : null;
  return typeof code === "string" ? code : null;
}

/** Whether a system call failed, and nothing else. */
export function isSystemError(error: unknown): error is NodeJS.ErrnoException {
  return error instanceof Error && "syscall" in error;
}

/** Whether SQLite says that what it read is no database, or a damaged one. */
export function isCorruption(error: unknown): boolean {
  const code = codeOf(error) ?? "";
  return code === "SQLITE_NOTADB" || code.startsWith("SQLITE_CORRUPT");
}

const denied = "permission denied. Give the user that runs sluice write access";
const full = "no space or no inodes are left on its file system. Free some";
const readOnly = "its file system is read-only. Mount it writable";
const corrupt = "it is no SQLite database. Move it away";

const problems: Readonly<Record<string, string>> = {
  EACCES: denied,
  EPERM: denied,
  EROFS: readOnly,
  ENOSPC: full,
  EDQUOT: "the disk quota is used up. Raise it",
  EEXIST: "it is not a directory. Move it away",
  ERR_FS_EISDIR: "it is a directory. Move it away",
  ENOENT: "a part of its path is missing or a dangling symbolic link. Repair it",
  ENOTDIR: "a part of its path is not a directory. Move that away",
  ELOOP: "its path leads through symbolic links in a circle. Remove the circle",
  EXDEV: "it is on another file system than the rest of the storage directory. Mount them as one",
  EMFILE: "too many files are open. Raise the limit of open files (ulimit -n)",
  SQLITE_CANTOPEN: "the file cannot be opened. Give the user that runs sluice write access",
  SQLITE_READONLY: denied,
  SQLITE_FULL: full,
  SQLITE_NOTADB: corrupt,
  SQLITE_CORRUPT: corrupt,
};

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
