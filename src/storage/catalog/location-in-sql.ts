import type { Location } from "../catalog.ts";

/** The condition that a row belongs to a repository; takes `namesOf` its location. */
export const inRepository =
  "repository_id = (SELECT id FROM repositories WHERE upstream = +? AND name = +?)";

export function namesOf(location: Location): [upstream: string, name: string] {
  return [location.upstream, location.repository];
}
