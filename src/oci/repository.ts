/** A repository's name within its registry, such as `library/alpine`. */
export type Repository = string & { readonly brand: "repository" };

// Distribution spec 1.1, "Pulling manifests": the grammar of <name>. Every alternative starts with
// a character that none of the others can take, so matching never backtracks over a component.
const pattern = /^[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*(?:\/[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*)*$/;

// The spec reports that many clients limit host and name together to 255 characters.
const limitChars = 255;

export function parseRepository(text: string): Repository | null {
  return text.length <= limitChars && pattern.test(text) ? (text as Repository) : null;
}
