const manifests =
  "node:http alone takes some 20 of the 40 µs of a request, collections of garbage 8 to 12, which more memory for young objects would save: it made 500 slow clients take 40 MiB more.";

/** Why a row or a curve falls short of its target, by its label: what RESULTS.md says beside it. */
export const reasons: Readonly<Record<string, string>> = {
  "cold blob, 1 client":
    "All threads take 2.2 s/GB, of which sha256 is 0.6 and the file's pages are 0.3, and two cores are the registry's and the client's as well; the main thread has 1.0 of them.",
  "64 MiB, kept connection":
    "Some 2.5 ms of CPU time, of which half go by until upstream has answered; single rounds differ by 4 ms, and nginx's by 20.",
  "warm manifest by tag": manifests,
  "warm manifest by digest": manifests,
  "500 slow clients: peak":
    "Measured before threads shared one arena of glibc and what Node compiles was kept; idle it was 158, the thread that hashes large blobs took 20 from the first one on, and 500 buffers 79, for the first 63 clients have larger ones.",
  "10,000 blobs of it chosen, hits beside it":
    "Most of it is looking blobs up at random places of the catalog, a page of the file each: some 8 µs for a member of an image.",
  "hit meanwhile, p99":
    "The thread that chooses, the mirror and the client share two cores, and the kernel lets a thread that computes run on until its tick of 4 ms.",
};
