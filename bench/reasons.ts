/** Why a row or a curve falls short of its target, by its label: what RESULTS.md says beside it. */
export const reasons: Readonly<Record<string, string>> = {};
