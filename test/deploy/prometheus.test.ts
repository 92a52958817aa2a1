import assert from "node:assert/strict";
import { test } from "node:test";
import { parse as parseYaml } from "yaml";
import { Metrics } from "../../src/telemetry/metrics.ts";
import { deployFile } from "../support/deploy.ts";
import { namedIn } from "../support/promql.ts";

const metrics = await allMetrics();
const rules = await allRules();

// What Prometheus adds to each of them.
const addedLabels = ["job", "instance"];

test("every expression of Prometheus's rules names metrics and labels that there are", () => {
  assert.ok(rules.length > 15);
  for (const { expr } of rules) assertKnown(expr);
});

test("a metric whose increase is alerted of begins at 0, so that the first is seen", async () => {
  const begun = new Metrics("0");
  begun.beginUpstream("docker.io");
  begun.beginLogins("server");
  begun.beginConnections("server");
  const scraped = await begun.registry.metrics();
  const increases = rules.flatMap(({ alert, expr }) =>
    alert === undefined ? [] : [...expr.matchAll(/increase\((\w+)(?:\{([^}]*)\})?\[/g)],
  );

  assert.ok(increases.length > 12, `${increases.length}`);
  for (const [, name = "", selector = ""] of increases) {
    const selects = selectorOf(selector);
    const series = [...scraped.matchAll(/^(\w+)(?:\{(.*)\})? 0$/gm)];
    assert.ok(
      series.some(([, known, labels = ""]) => known === name && selects(labels)),
      `${name}{${selector}} is not there at first`,
    );
  }
});

test("every expression of Grafana's dashboard names metrics and labels that there are", async () => {
  const expressions = await dashboardExpressions();

  assert.ok(expressions.length > 30);
  for (const expression of expressions) assertKnown(expression);
});

test("every alert says how bad it is, what it is and what to do, and is tried", async () => {
  const tried = await deployFile("prometheus/sluice.rules.test.yml");

  for (const { alert, labels, annotations } of rules) {
    if (alert === undefined) continue;
    assert.match(String(labels?.["severity"]), /^(critical|warning|info)$/, alert);
    assert.ok(annotations?.["summary"] && annotations["description"], alert);
    assert.ok(
      tried.includes(`alertname: ${alert}\n        exp_alerts:\n`),
      `${alert} is not tried`,
    );
  }
});

test("metrics, labels and groupings that a PromQL expression names are found", () => {
  const { metrics: named, groupedBy } = namedIn(
    'sum by (le, kind) (rate(a_total{b="x(y)",c=~"d|e"}[$__rate_interval])) / on (f) a:b offset 1h',
  );

  assert.deepEqual(named, [
    { name: "a_total", labels: ["b", "c"] },
    { name: "a:b", labels: [] },
  ]);
  assert.deepEqual(groupedBy, ["le", "kind", "f"]);
});

function assertKnown(expression: string): void {
  const { metrics: named, groupedBy } = namedIn(expression);
  const known = named.map(({ name, labels }) => {
    const all = [...(metrics.get(name) ?? assert.fail(`${name} in ${expression}`)), ...addedLabels];
    for (const label of labels)
      assert.ok(all.includes(label), `${label} of ${name} in ${expression}`);
    return all;
  });
  for (const label of groupedBy) {
    assert.ok(
      known.some((labels) => labels.includes(label)),
      `${label} in ${expression}`,
    );
  }
}

/** The labels of each metric, by the names that a scrape has; of what is recorded, and of Prometheus's own. */
async function allMetrics(): Promise<Map<string, readonly string[]>> {
  const { registry } = watched();
  const labels = new Map<string, readonly string[]>([["up", []]]);
  for (const { name, type } of await registry.getMetricsAsJSON()) {
    const own = labelNamesOf(registry.getSingleMetric(name));
    labels.set(name, own);
    if (String(type) !== "histogram") continue;
    for (const suffix of ["_bucket", "_sum", "_count"]) labels.set(name + suffix, [...own, "le"]);
  }
  for (const { record } of await allRules()) if (record !== undefined) labels.set(record, []);
  return labels;
}

/** Whether the labels of a series are what a selector wants. */
function selectorOf(selector: string): (labels: string) => boolean {
  const wanted = [...selector.matchAll(/(\w+)(=~|!~|=)"([^"]*)"/g)];
  return (labels) =>
    wanted.every(([, label = "", operator = "", value = ""]) => {
      const [, own = ""] = new RegExp(`(?:^|,)${label}="([^"]*)"`).exec(labels) ?? [];
      if (operator === "=") return own === value;
      return new RegExp(`^(?:${value})$`).test(own) === (operator === "=~");
    });
}

function watched(): Metrics {
  const all = new Metrics("0");
  all.watchProcess();
  return all;
}

/** As prom-client keeps them. */
function labelNamesOf(metric: unknown): readonly string[] {
  const isNamed = typeof metric === "object" && metric !== null && "labelNames" in metric;
  return isNamed && Array.isArray(metric.labelNames) ? metric.labelNames.map(String) : [];
}

interface Rule {
  readonly alert?: string;
  readonly record?: string;
  readonly expr: string;
  readonly labels?: Readonly<Record<string, string>>;
  readonly annotations?: Readonly<Record<string, string>>;
}

async function allRules(): Promise<Rule[]> {
  const { groups } = parseYaml(await deployFile("prometheus/sluice.rules.yml"));
  return groups.flatMap(({ rules: own }: { rules: Rule[] }) => own);
}

async function dashboardExpressions(): Promise<string[]> {
  const { panels } = JSON.parse(await deployFile("grafana/sluice.json"));
  return panels.flatMap(({ targets }: { targets: { expr: string }[] }) =>
    targets.map(({ expr }) => expr),
  );
}
