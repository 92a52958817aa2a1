/** Which time a command is asked about, as users write it. */
export interface WindowOptions {
  readonly window?: string | undefined;
  readonly from?: string | undefined;
  readonly to?: string | undefined;
}

/** The same for the admin API, which says what is wrong with it. */
export function windowParameters(options: WindowOptions): URLSearchParams {
  const query = new URLSearchParams();
  for (const key of ["window", "from", "to"] as const) {
    const value = options[key];
    if (value !== undefined) query.set(key, value);
  }
  return query;
}
