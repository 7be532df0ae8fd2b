import type { IncomingMessage } from 'node:http';

import { namesFile, readTriggerDefinition } from '../triggers/trigger-definition.ts';
import {
  TriggerRefused,
  type TriggerRefusal,
  type Triggers,
  type TriggerView,
} from '../triggers/triggers.ts';
import { isFromThisMachine } from './operations-access.ts';
import type { Json, JsonObject } from './operations-target.ts';

/** What the operations port asks of the triggers of a region, wherever they run. */
export interface TriggerOperations extends Pick<
  Triggers,
  'describe' | 'create' | 'update' | 'delete' | 'pause' | 'resume'
> {
  list(): readonly TriggerView[] | Promise<readonly TriggerView[]>;
}

/** A refusal, with the status that answers it. */
export class TriggerRequestError extends Error {
  override readonly name = 'TriggerRequestError';
  readonly status: 400 | 403 | 404 | 409;
  readonly details: JsonObject;

  constructor(status: 400 | 403 | 404 | 409, message: string, details: JsonObject = {}) {
    super(message);
    this.status = status;
    this.details = details;
  }
}

/** `GET /triggers`, `GET /triggers/<name>`. Rejects with `TriggerRequestError`, as what follows. */
export async function readTriggers(
  triggers: TriggerOperations,
  name: string | undefined,
): Promise<Json> {
  if (name === undefined)
    return inWords(async () => ({ triggers: (await triggers.list()).map(viewJson) }));
  return inWords(async () => viewJson(await triggers.describe(name)));
}

/** `POST /triggers` creates; `POST /triggers/<name>/update`, `/pause`, `/resume` and `/delete`. */
export async function changeTriggers(
  triggers: TriggerOperations,
  [name, verb]: readonly (string | undefined)[],
  { request, body }: { readonly request: IncomingMessage; readonly body: string },
): Promise<Json> {
  if (name === undefined) return createTrigger(triggers, request, body);
  return inWords(async () => {
    if (verb === 'pause') return viewJson(await triggers.pause(name));
    if (verb === 'resume') return viewJson(await triggers.resume(name));
    if (verb === 'update') return updateTrigger(triggers, name, { request, body });
    if (verb !== 'delete')
      throw new TriggerRequestError(404, 'a trigger can be told: update, pause, resume or delete');
    await triggers.delete(name);
    return { deleted: name };
  });
}

async function createTrigger(
  triggers: TriggerOperations,
  request: IncomingMessage,
  body: string,
): Promise<Json> {
  const { paused: isPaused = false, ...settings } = objectIn(body);
  const reading = readTriggerDefinition(settings);
  const problems = reading.kind === 'wrong' ? [...reading.problems] : [];
  if (typeof isPaused !== 'boolean') problems.push('"paused": expected true or false');
  if (reading.kind === 'wrong' || typeof isPaused !== 'boolean')
    throw new TriggerRequestError(400, problems.join('; '), { problems });
  assertMayName(settings, request);
  const { definition } = reading;
  return inWords(async () => viewJson(await triggers.create(definition, { isPaused })));
}

async function updateTrigger(
  triggers: TriggerOperations,
  name: string,
  { request, body }: { readonly request: IncomingMessage; readonly body: string },
): Promise<Json> {
  const { paused: isPaused, ...settings } = objectIn(body);
  if (isPaused !== undefined && typeof isPaused !== 'boolean')
    throw new TriggerRequestError(400, '"paused": expected true or false');
  assertMayName(settings, request);
  return viewJson(await triggers.update(name, { settings, isPaused }));
}

function assertMayName(
  { to, onFailure }: Readonly<Record<string, unknown>>,
  request: IncomingMessage,
): void {
  if ((namesFile(to) || namesFile(onFailure)) && !isFromThisMachine(request))
    throw new TriggerRequestError(
      403,
      'module: and file: name files of the machine of the daemon: only from there may they be given, token or not',
    );
}

const STATUSES: Readonly<Record<TriggerRefusal, 400 | 404 | 409>> = {
  wrong: 400,
  unknown: 404,
  conflict: 409,
  stopping: 409,
};

async function inWords(work: () => Promise<Json>): Promise<Json> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TriggerRefused)) throw error;
    const { code, message, problems } = error;
    throw new TriggerRequestError(STATUSES[code], message, problems.length > 0 ? { problems } : {});
  }
}

function objectIn(body: string): Readonly<Record<string, unknown>> {
  let value: unknown;
  try {
    value = JSON.parse(body);
  } catch {
    throw new TriggerRequestError(400, 'no JSON');
  }
  if (typeof value === 'object' && value !== null && !Array.isArray(value))
    return Object.fromEntries(Object.entries(value));
  throw new TriggerRequestError(400, 'expected a JSON object');
}

/** The definition's members, and what has become of it. */
function viewJson({ definition, createdMs, streamArn, isPaused, progress }: TriggerView): Json {
  const { state = 'paused', words, ...numbers } = progress ?? {};
  return json({
    ...definition,
    created: new Date(createdMs).toISOString(),
    streamArn,
    state: isPaused ? 'paused' : state,
    reason: words,
    ...numbers,
  });
}

/** Plain data as JSON has it: what is undefined is left out. */
function json(value: object): Json {
  const plain: Json = JSON.parse(JSON.stringify(value));
  return plain;
}
