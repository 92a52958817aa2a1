/** A metric as an expression of PromQL names it. */
export interface NamedMetric {
  readonly name: string;
  /** By which it is selected. */
  readonly labels: readonly string[];
}

/** The metrics that an expression names, and the labels by which it sums or joins. */
export function namedIn(expression: string): {
  readonly metrics: readonly NamedMetric[];
  readonly groupedBy: readonly string[];
} {
  const withoutText = expression.replace(/"(?:[^"\\]|\\.)*"/g, '""').replace(/\[[^\]]*\]/g, "");
  const groupings = [...withoutText.matchAll(/\b(?:by|without|on|ignoring)\s*\(([^)]*)\)/g)];
  const rest = withoutText.replace(/\b(?:by|without|on|ignoring)\s*\([^)]*\)/g, "");
  const metrics = [
    ...rest.matchAll(/(?<![\w:$])([a-zA-Z_:][\w:]*)(?![\w:])(?!\s*\()(\{[^}]*\})?/g),
  ];
  return {
    metrics: metrics
      .map(([, name = "", selector = ""]) => ({ name, labels: labelsIn(selector) }))
      .filter(({ name }) => !words.includes(name)),
    groupedBy: groupings.flatMap(([, list = ""]) => list.split(",").map((label) => label.trim())),
  };
}

const words = ["and", "or", "unless", "offset", "bool", "group_left", "group_right"];

function labelsIn(selector: string): string[] {
  return [...selector.matchAll(/([a-zA-Z_]\w*)\s*(?:=~|!~|!=|=)/g)].map(([, label = ""]) => label);
}
