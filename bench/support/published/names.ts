const names: Readonly<Record<string, string>> = {
  registry: "registry:2",
  nginx: "nginx cache",
  "nginx-static": "nginx, static",
  direct: "no mirror",
};

/** What a contestant is called where people read it. */
export function nameOf(contestant: string): string {
  return names[contestant] ?? contestant.replaceAll("-", " ");
}

export function figure(value: number, decimals: number): string {
  const digits = { minimumFractionDigits: decimals, maximumFractionDigits: decimals };
  return value.toLocaleString("en", digits);
}
