import { readdirSync } from 'node:fs';
import { join } from 'node:path';

import { expect, test } from 'vitest';
import { parse } from 'yaml';
import { z } from 'zod';

import { zoneStates } from '../../src/daemon/zone-view.ts';
import { METRICS } from '../../src/telemetry/metrics.ts';
import type { MetricDefinition } from '../../src/telemetry/metrics.ts';
import { projectText, readComposeFile, ROOT } from './compose-file.ts';

const DASHBOARDS = 'ops/grafana/dashboards';
const ALERTS = 'ops/prometheus/alerts.yaml';

/** Labels that Prometheus adds to what it scrapes; each scrape configuration says which. */
const SCRAPED = ['job', 'instance', 'region', 'node'] as const;

const catalogue: Readonly<Record<string, MetricDefinition>> = METRICS;

const TARGET = z.looseObject({
  expr: z.string(),
  legendFormat: z.string().optional(),
  datasource: z.object({ type: z.literal('prometheus'), uid: z.string() }),
});

const MAPPING = z.looseObject({
  options: z.record(z.string(), z.looseObject({ text: z.string() })),
});

const PANEL = z.looseObject({
  id: z.int(),
  type: z.string(),
  title: z.string().min(1),
  gridPos: z.object({ x: z.int(), y: z.int(), w: z.int(), h: z.int() }),
  targets: z.array(TARGET).default([]),
  fieldConfig: z
    .looseObject({ defaults: z.looseObject({ mappings: z.array(MAPPING).default([]) }) })
    .optional(),
  transformations: z
    .array(
      z.object({
        id: z.string(),
        options: z.looseObject({ rowField: z.string(), columnField: z.string() }),
      }),
    )
    .default([]),
});

const DASHBOARD = z.looseObject({
  uid: z.string(),
  title: z.string(),
  editable: z.literal(false),
  panels: z.array(PANEL).min(1),
  templating: z.object({
    list: z.array(z.looseObject({ name: z.string(), definition: z.string() })),
  }),
});

const ALERTING = z.strictObject({
  groups: z.array(
    z.strictObject({
      name: z.string(),
      rules: z.array(
        z.strictObject({
          alert: z.string(),
          expr: z.string(),
          for: z.string().optional(),
          labels: z.strictObject({ severity: z.enum(['page', 'warn']) }),
          annotations: z.strictObject({ summary: z.string() }),
        }),
      ),
    }),
  ),
});

const SCRAPING = z.strictObject({
  global: z.looseObject({}),
  rule_files: z.tuple([z.literal('alerts.yaml')]),
  scrape_configs: z.tuple([
    z.strictObject({
      job_name: z.literal('tidemark'),
      static_configs: z.array(
        z.strictObject({
          targets: z.tuple([z.string()]),
          labels: z.strictObject({ region: z.string(), node: z.string() }),
        }),
      ),
    }),
  ]),
});

const names = readdirSync(join(ROOT, DASHBOARDS));
const dashboards = names.map((name) => ({
  name,
  ...DASHBOARD.parse(JSON.parse(projectText(join(DASHBOARDS, name)))),
}));
const alerts = ALERTING.parse(parse(projectText(ALERTS))).groups.flatMap(({ rules }) => rules);

/** One expression, and the labels of its result that something else names. */
interface Use {
  readonly where: string;
  readonly expression: string;
  readonly shown: readonly string[];
}

const uses: readonly Use[] = [
  ...dashboards.flatMap(({ name, panels, templating }) => [
    ...panels.flatMap(({ title, targets, transformations }) =>
      targets.map(({ expr, legendFormat = '' }) => ({
        where: `${name}: ${title}`,
        expression: withoutVariables(expr),
        shown: [
          ...namesIn(legendFormat, /\{\{(?<name>\w+)\}\}/gu),
          ...transformations.flatMap(({ options }) => [options.rowField, options.columnField]),
        ],
      })),
    ),
    ...templating.list.map(({ name: variable, definition }) => {
      const { expression = '', label = '' } =
        /^label_values\((?<expression>.+), (?<label>\w+)\)$/u.exec(definition)?.groups ?? {};
      return { where: `${name}: $${variable}`, expression, shown: [label] };
    }),
  ]),
  ...alerts.map(({ alert, expr, annotations }) => ({
    where: `${ALERTS}: ${alert}`,
    expression: expr,
    shown: namesIn(annotations.summary, /\$labels\.(?<name>\w+)/gu),
  })),
];

/** Grafana's intervals as Prometheus takes them, and its variables as text. */
function withoutVariables(expression: string): string {
  return expression
    .replaceAll(/\$__(?:rate_interval|range|interval)/gu, '1m')
    .replaceAll(/"\$\w+"/gu, '".*"');
}

function namesIn(text: string, pattern: RegExp): readonly string[] {
  return [...text.matchAll(pattern)].map(({ groups }) => groups?.['name'] ?? '');
}

/** What an expression asks for: a metric's sample by name, and the labels that it selects by. */
interface Selection {
  readonly sample: string;
  readonly labels: readonly string[];
}

function selectionsIn(expression: string): readonly Selection[] {
  return [
    ...expression.matchAll(/\b(?<sample>tidemark_\w+|up)\b(?:\{(?<selector>[^}]*)\})?/gu),
  ].map(({ groups }) => ({
    sample: groups?.['sample'] ?? '',
    labels: namesIn(groups?.['selector'] ?? '', /(?<name>\w+)\s*(?:=~|!~|!=|=)\s*"/gu),
  }));
}

/** The labels of a sample; undefined when nothing exports it. */
function labelsOf(sample: string): readonly string[] | undefined {
  if (sample === 'up') return SCRAPED;
  const exact = catalogue[sample];
  if (exact !== undefined) {
    return exact.kind === 'histogram' ? undefined : scrapedLabelsOf(exact);
  }
  const { metric = '', part } =
    /^(?<metric>\w+)_(?<part>bucket|sum|count)$/u.exec(sample)?.groups ?? {};
  const histogram = catalogue[metric];
  if (histogram?.kind !== 'histogram') return undefined;
  return [...scrapedLabelsOf(histogram), ...(part === 'bucket' ? ['le'] : [])];
}

/** A label of the metric's own that Prometheus adds too is found under another name. */
const scrapedLabelsOf = ({ labels }: MetricDefinition): readonly string[] => [
  ...labels.map((label) =>
    SCRAPED.some((added) => added === label) ? `exported_${label}` : label,
  ),
  ...SCRAPED,
];

/** Everything about an expression that no metric of the catalogue answers to. */
function problemsOf({ where, expression, shown }: Use): readonly string[] {
  const found: string[] = [];
  const known = new Set<string>();
  const selections = selectionsIn(expression);
  if (selections.length === 0) found.push(`${where}: asks for no metric`);
  for (const { sample, labels } of selections) {
    const has = labelsOf(sample);
    if (has === undefined) found.push(`${where}: nothing exports ${sample}`);
    for (const label of has ?? []) known.add(label);
    for (const label of labels)
      if (has?.includes(label) === false) found.push(`${where}: ${sample} has no ${label}`);
  }
  const grouped = [
    ...expression.matchAll(/\b(?:by|on|ignoring|group_left|group_right) \((?<labels>[^)]*)\)/gu),
  ].flatMap(({ groups }) => (groups?.['labels'] ?? '').split(',').map((label) => label.trim()));
  for (const label of [...grouped, ...shown])
    if (!known.has(label)) found.push(`${where}: no ${label} on ${expression}`);
  const lost = shown.filter((label) => grouped.length > 0 && !grouped.includes(label));
  for (const label of lost) found.push(`${where}: ${label} is summed away`);
  for (const counted of namesIn(expression, /\b(?:rate|increase)\((?<name>\w+)/gu))
    if (!rises(counted)) found.push(`${where}: ${counted} does not only rise`);
  return found;
}

/** Whether a sample only rises, until its process ends. */
const rises = (sample: string): boolean =>
  catalogue[sample] === undefined ||
  catalogue[sample].kind === 'counter' ||
  sample === 'tidemark_process_cpu_seconds';

test('dashboards and alerts ask only for metrics and labels that are exported', () => {
  expect(uses.flatMap(problemsOf)).toEqual([]);
});

const problems = (expression: string, shown: readonly string[] = []): readonly string[] =>
  problemsOf({ where: 'here', expression, shown });

test('an unknown metric, an unknown label and a label that is summed away are found', () => {
  expect(problems('tidemark_requests_seconds')).toEqual([
    'here: nothing exports tidemark_requests_seconds',
  ]);
  expect(problems('tidemark_lag')).toEqual(['here: nothing exports tidemark_lag']);
  expect(problems('tidemark_link_up{target="x"}')).toEqual([
    'here: tidemark_link_up has no target',
  ]);
  expect(problems('sum by (region) (tidemark_link_up)', ['peer'])).toEqual([
    'here: peer is summed away',
  ]);
  expect(problems('sum by (table) (tidemark_link_up)')).toEqual([
    'here: no table on sum by (table) (tidemark_link_up)',
  ]);
  expect(problems('rate(tidemark_link_up[1m])')).toEqual([
    'here: tidemark_link_up does not only rise',
  ]);
  expect(problems('1 + 1')).toEqual(['here: asks for no metric']);
});

test('what is promised is shown: lag as a matrix, conflicts, zones and requests', () => {
  const matrix = dashboards
    .flatMap(({ panels }) => panels)
    .find(({ transformations }) => transformations.length > 0);
  expect(matrix?.targets[0]?.expr).toContain('tidemark_replication_lag_seconds');
  expect(matrix?.transformations[0]?.options).toMatchObject({
    rowField: 'source',
    columnField: 'target',
  });
  const asked = new Set(
    uses.flatMap(({ expression }) => selectionsIn(expression)).map(({ sample }) => sample),
  );
  for (const sample of [
    'tidemark_replication_conflicts_total',
    'tidemark_zone_state',
    'tidemark_requests_seconds_bucket',
    'tidemark_clock_offset_seconds',
    'tidemark_nats_connected',
  ])
    expect(asked).toContain(sample);
});

test('the state of a zone has a value and a name for every state there is', () => {
  const panel = dashboards
    .flatMap(({ panels }) => panels)
    .find(({ type }) => type === 'state-timeline');
  const [{ options } = { options: {} }] = panel?.fieldConfig?.defaults.mappings ?? [];
  const drawn = namesIn(panel?.targets[0]?.expr ?? '', /state="(?<name>[\w-]+)"\} == 1\) \* \d/gu);
  expect(Object.values(options).map(({ text }) => text)).toEqual(zoneStates);
  expect(drawn).toEqual(zoneStates);
});

test('panels do not overlap, and identifiers are unique', () => {
  expect(new Set(dashboards.map(({ uid }) => uid)).size).toBe(dashboards.length);
  for (const { panels } of dashboards) {
    expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
    const cells = panels.flatMap(({ gridPos: { x, y, w, h } }) =>
      Array.from({ length: w * h }, (_, at) => `${x + (at % w)} ${y + Math.floor(at / w)}`),
    );
    expect(new Set(cells).size).toBe(cells.length);
  }
});

test('Grafana finds its data source and its dashboards where they are mounted', () => {
  const sources = z
    .object({ datasources: z.tuple([z.object({ uid: z.string(), url: z.string() })]) })
    .parse(parse(projectText('ops/grafana/provisioning/datasources/prometheus.yaml')));
  const [{ uid, url }] = sources.datasources;
  const used = dashboards.flatMap(({ panels }) =>
    panels.flatMap(({ targets }) => targets.map(({ datasource }) => datasource.uid)),
  );
  expect(new Set(used)).toEqual(new Set([uid]));

  const { services } = readComposeFile();
  const grafana = services.find(({ name }) => name === 'grafana');
  const at = new Map(grafana?.mounts.map(({ source, target }) => [source, target]));
  const { hostname, port } = new URL(url);
  for (const profile of grafana?.profiles ?? []) {
    const named = services.filter(
      ({ profiles, networks }) =>
        profiles.includes(profile) && networks.get('operations')?.includes(hostname) === true,
    );
    expect(named.map(({ ports: [published] }) => published?.target)).toEqual([Number(port)]);
  }
  const providers = z
    .object({
      providers: z.tuple([z.object({ options: z.object({ path: z.string() }) })]),
    })
    .parse(parse(projectText('ops/grafana/provisioning/dashboards/tidemark.yaml')));
  const folder = at.get(`./${DASHBOARDS}`);
  expect(providers.providers[0].options.path).toBe(folder);
  expect(at.get('./ops/grafana/provisioning')).toBe('/etc/grafana/provisioning');
  const home = grafana?.environment['GF_DASHBOARDS_DEFAULT_HOME_DASHBOARD_PATH'];
  expect(names.map((name) => `${folder}/${name}`)).toContain(home);
});

test.each(['lab', 'ha'])('Prometheus scrapes every daemon of the profile %s', (profile) => {
  const { services } = readComposeFile();
  const inProfile = services.filter(({ profiles }) => profiles.includes(profile));
  const prometheus = inProfile.find(({ image }) => image.startsWith('prom/prometheus:'));
  const at = new Map(prometheus?.mounts.map(({ source, target }) => [target, source]));
  const file = prometheus?.command
    .find((word) => word.startsWith('--config.file='))
    ?.slice('--config.file='.length);
  const source = at.get(file ?? '');
  expect(source).toBe(`./ops/prometheus/${profile}.yaml`);
  expect(at.get('/etc/prometheus/alerts.yaml')).toBe(`./${ALERTS}`);
  const [{ static_configs: scraped }] = SCRAPING.parse(
    parse(projectText(source ?? '')),
  ).scrape_configs;
  const daemons = inProfile.filter(({ image }) => image === 'tidemark:local');
  expect(scraped).toEqual(
    daemons.map(({ name, command, networks, ports }) => {
      expect(networks.has('operations')).toBe(true);
      const region = /regions\/(?<region>[\w-]+)\.yaml/u.exec(command.join(' '))?.groups?.[
        'region'
      ];
      return { targets: [`${name}:${ports[1]?.target}`], labels: { region, node: name } };
    }),
  );
});
