const manifests =
  "node:http alone answers some 60,000 in a second on such a machine; the line of the log, metrics, the log of pulls and garbage take the rest.";

/** Why a row or a curve falls short of its target, by its label: what RESULTS.md says beside it. */
export const reasons: Readonly<Record<string, string>> = {
  "cold blob, 1 client":
    "The main thread is the limit with 1.0 s/GB; all threads take 2.2, of which sha256 is 0.6 and the file's pages are 0.3, and two cores are the registry's and the client's as well.",
  "warm manifest by tag": manifests,
  "warm manifest by digest": manifests,
  "warm manifest by tag, logged in":
    "Hashing what is sent and finding it are some 3 % in a profile; the rest is not explained.",
  "hit meanwhile, p99":
    "The thread that chooses, the mirror and the client share two cores, and the kernel lets a thread that computes run on until its tick of 4 ms.",
  "30 days by hours, asked": "The start of the thread that reads it was counted in that run.",
};
