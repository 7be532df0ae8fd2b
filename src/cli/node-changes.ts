import { finite, members } from '../base/shape.ts';
import { askOperations } from './operations-http.ts';
import type {
  LeaderMoveOptions,
  NodeDrainOptions,
  PartitionSplitOptions,
} from './operations-options.ts';

/** How long a change is waited for: every partition of a node is handed over within. */
const CHANGE_MS = 60_000;

const splitShape = members<{ readonly child: number }>({ child: finite });

type Environment = Readonly<Record<string, string | undefined>>;

/** Resolves with what has become of it, in words. Rejects with `OperationsError`, as `drainNode`. */
export async function moveLeader(
  { partition, to, operations }: LeaderMoveOptions,
  environment: Environment,
): Promise<string> {
  await change(operations, {
    path: `/partitions/${partition}/leader`,
    body: { node: to },
    environment,
  });
  return `Node ${to} leads partition ${partition}.`;
}

export async function splitPartition(
  { partition, operations }: PartitionSplitOptions,
  environment: Environment,
): Promise<string> {
  const path = `/partitions/${partition}/split`;
  const answer = await change(operations, { path, body: {}, environment });
  const { child } = splitShape(answer, path);
  return `Partition ${partition} is split: partition ${child} has the upper part of its hashes.`;
}

export async function drainNode(
  { undo, operations }: NodeDrainOptions,
  environment: Environment,
): Promise<string> {
  await change(operations, { path: undo ? '/node/undrain' : '/node/drain', body: {}, environment });
  return undo
    ? `The node at ${operations} takes partitions again.`
    : `The node at ${operations} leads nothing now, and takes nothing until --undo.`;
}

async function change(
  endpoint: string,
  {
    path,
    body,
    environment,
  }: { readonly path: string; readonly body: object; readonly environment: Environment },
): Promise<unknown> {
  const token = environment['TIDEMARK_OPERATIONS_TOKEN'];
  return askOperations({ endpoint, path, change: body, token, limitMs: CHANGE_MS });
}
