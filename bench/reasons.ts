const manifests =
  "node:http alone takes some 17 to 20 of the 38 µs of a request, collections of garbage 6, telling prom-client of them 3, the write to the socket more than either.";

/** Why a row or a curve falls short of its target, by its label: what RESULTS.md says beside it. */
export const reasons: Readonly<Record<string, string>> = {
  "cold blob, 1 client":
    "All threads take 2.1 s/GB, of which sha256 is 0.6 and the file's pages are 0.3, and two cores are the registry's and the client's as well; the main thread has 0.95 of them.",
  "16 KiB, kept connection":
    "Single rounds go from 1.3 to 6 ms, and their median was 2.8 in the run before; what makes them differ was not found. Some 2 ms are CPU time.",
  "64 MiB, kept connection":
    "Some 2.5 ms of CPU time, of which half go by until upstream has answered; single rounds differ by 4 ms, and nginx's by 20.",
  "warm manifest by tag": manifests,
  "warm manifest by digest": manifests,
  "hit meanwhile, p99":
    "Beside a loop of the same priority that makes no garbage it is 0.9 times that at rest: the rest is V8 collecting the garbage of the search, on threads that go before it, and the beginning and the end of each question to the mirror.",
};
