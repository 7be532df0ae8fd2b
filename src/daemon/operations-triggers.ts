import type { IncomingMessage } from 'node:http';

import { isOfThisMachine, readTriggerDefinition } from '../triggers/trigger-definition.ts';
import { TriggerRefused, type Triggers, type TriggerView } from '../triggers/triggers.ts';
import { isFromThisMachine } from './operations-access.ts';
import type { Json, JsonObject } from './operations-target.ts';

/** What the operations port asks of the triggers of a region, where they run. */
export type TriggerOperations = Pick<
  Triggers,
  'list' | 'describe' | 'create' | 'delete' | 'pause' | 'resume'
>;

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
  if (name === undefined) return { triggers: triggers.list().map(viewJson) };
  return inWords(async () => viewJson(await triggers.describe(name)));
}

/** `POST /triggers` creates; `POST /triggers/<name>/pause`, `/resume` and `/delete`. */
export async function changeTriggers(
  triggers: TriggerOperations,
  [name, verb]: readonly (string | undefined)[],
  { request, body }: { readonly request: IncomingMessage; readonly body: string },
): Promise<Json> {
  if (name === undefined) return createTrigger(triggers, request, body);
  return inWords(async () => {
    if (verb === 'pause') return viewJson(await triggers.pause(name));
    if (verb === 'resume') return viewJson(await triggers.resume(name));
    if (verb !== 'delete')
      throw new TriggerRequestError(404, 'a trigger can be told: pause, resume or delete');
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
  const { definition } = reading;
  const { to, onFailure } = definition;
  const isOfFiles = isOfThisMachine(to) || (onFailure !== undefined && isOfThisMachine(onFailure));
  if (isOfFiles && !isFromThisMachine(request))
    throw new TriggerRequestError(
      403,
      'module: and file: name files of the machine of the daemon: only from there may they be given, token or not',
    );
  return inWords(async () => viewJson(await triggers.create(definition, { isPaused })));
}

async function inWords(work: () => Promise<Json>): Promise<Json> {
  try {
    return await work();
  } catch (error) {
    if (!(error instanceof TriggerRefused)) throw error;
    throw new TriggerRequestError(error.code === 'unknown' ? 404 : 409, error.message);
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
