const manifests =
  "Measured before the line of the log cost 18 µs less of 60; node:http alone takes some 20 of the 40 that are left, collections of garbage 8 to 12, which more memory for young objects would save.";

const largeFirstByte =
  "Since these figures were taken it was cut from some 6 to 2.5 ms of CPU time, of which half go by until upstream has answered.";

/** Why a row or a curve falls short of its target, by its label: what RESULTS.md says beside it. */
export const reasons: Readonly<Record<string, string>> = {
  "cold blob, 1 client":
    "The main thread is the limit with 1.0 s/GB; all threads take 2.2, of which sha256 is 0.6 and the file's pages are 0.3, and two cores are the registry's and the client's as well.",
  "warm blob, 1 client":
    "Each piece of a file is read by another thread than the one that sends it: nginx does both in one, without the switches between.",
  "warm blob, 8 clients":
    "Copies through this process fill both cores, with the clients; nginx's cache sends by sendfile, which Node has not.",
  "64 MiB, fresh connection": largeFirstByte,
  "64 MiB, kept connection": largeFirstByte,
  "warm manifest by tag": manifests,
  "warm manifest by digest": manifests,
  "warm manifest by tag, logged in":
    "Hashing what is sent took 1.6 µs and takes 0.7 now; of the 5 that a login costs the rest is not explained.",
  "each of the 500 got":
    "In the first seconds of a process V8 has compiled nothing yet, and the mirror's main thread is full; from then on it is half full.",
  "10,000 blobs of it chosen, hits beside it":
    "Most of it is looking blobs up at random places of the catalog, a page of the file each: some 8 us for a member of an image.",
  "hit meanwhile, p99":
    "The thread that chooses, the mirror and the client share two cores, and the kernel lets a thread that computes run on until its tick of 4 ms.",
  "30 days by hours, asked": "The start of the thread that reads it was counted in that run.",
};
