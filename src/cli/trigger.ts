import { finite, list, members, optional, text } from '../base/shape.ts';
import { askOperations } from './operations-http.ts';
import type {
  TriggerCreateOptions,
  TriggerListOptions,
  TriggerNameOptions,
  TriggerUpdateOptions,
} from './trigger-options.ts';

/** How long an answer is waited for: a trigger ends what it runs before it is paused. */
const ANSWER_MS = 30_000;

type Environment = Readonly<Record<string, string | undefined>>;

interface ShownTrigger {
  readonly name: string;
  readonly table: string;
  readonly to: string;
  readonly state: string;
  readonly reason: string | undefined;
  readonly lagMs: number | undefined;
  readonly pendingRecords: number | undefined;
}

const shownShape = members<{ readonly triggers: readonly ShownTrigger[] }>({
  triggers: list(
    members<ShownTrigger>({
      name: text,
      table: text,
      to: text,
      state: text,
      reason: optional(text),
      lagMs: optional(finite),
      pendingRecords: optional(finite),
    }),
  ),
});

/** Each resolves with what to print. Rejects with `OperationsError`. */
export async function createTrigger(
  { operations, settings }: TriggerCreateOptions,
  environment: Environment,
): Promise<string> {
  const made = await change(operations, { path: '/triggers', body: settings, environment });
  return json(made);
}

export async function updateTrigger(
  { operations, name, settings }: TriggerUpdateOptions,
  environment: Environment,
): Promise<string> {
  const path = `${pathOf(name)}/update`;
  return json(await change(operations, { path, body: settings, environment }));
}

export async function listTriggers({
  operations,
  json: isJson,
}: TriggerListOptions): Promise<string> {
  const said = await askOperations({
    endpoint: operations,
    path: '/triggers',
    limitMs: ANSWER_MS,
  });
  return isJson ? json(said) : triggerTable(shownShape(said, operations).triggers);
}

export async function describeTrigger({ operations, name }: TriggerNameOptions): Promise<string> {
  return json(
    await askOperations({ endpoint: operations, path: pathOf(name), limitMs: ANSWER_MS }),
  );
}

export async function changeTrigger(
  verb: 'pause' | 'resume' | 'delete',
  { operations, name }: TriggerNameOptions,
  environment: Environment,
): Promise<string> {
  await change(operations, { path: `${pathOf(name)}/${verb}`, body: {}, environment });
  return DONE[verb](name);
}

const DONE = {
  pause: (name: string) => `Trigger ${name} rests, and keeps its place.\n`,
  resume: (name: string) => `Trigger ${name} goes on.\n`,
  delete: (name: string) => `Trigger ${name} is deleted.\n`,
} as const;

const pathOf = (name: string): string => `/triggers/${encodeURIComponent(name)}`;

async function change(
  endpoint: string,
  {
    path,
    body,
    environment,
  }: { readonly path: string; readonly body: object; readonly environment: Environment },
): Promise<unknown> {
  const token = environment['TIDEMARK_OPERATIONS_TOKEN'];
  return askOperations({ endpoint, path, change: body, token, limitMs: ANSWER_MS });
}

const json = (value: unknown): string => `${JSON.stringify(value, undefined, 2)}\n`;

const MS_PER_SECOND = 1000;

function triggerTable(triggers: readonly ShownTrigger[]): string {
  if (triggers.length === 0) return 'There are no triggers.\n';
  const rows = [
    ['trigger', 'table', 'state', 'lag', 'pending', 'to'],
    ...triggers.map((trigger) => [
      trigger.name,
      trigger.table,
      trigger.state,
      trigger.lagMs === undefined ? '' : `${(trigger.lagMs / MS_PER_SECOND).toFixed(1)} s`,
      trigger.pendingRecords === undefined ? '' : String(trigger.pendingRecords),
      trigger.to,
    ]),
  ];
  const widths = (rows[0] ?? []).map((_, column) =>
    Math.max(...rows.map((row) => (row[column] ?? '').length)),
  );
  const lines = rows.map((row) =>
    row
      .map((cell, column) => cell.padEnd(widths[column] ?? 0))
      .join('  ')
      .trimEnd(),
  );
  const reasons = triggers.flatMap(({ name, reason }) =>
    reason === undefined ? [] : [`${name}: ${reason}`],
  );
  return `${[...lines, ...reasons].join('\n')}\n`;
}
