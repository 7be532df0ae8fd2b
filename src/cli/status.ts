import { fileURLToPath } from 'node:url';

import { loadConfigFolder } from '../daemon/config-file.ts';
import type { RegionConfig } from '../daemon/config.ts';
import { askStatus, type StatusPort } from './ask-status.ts';
import { EXIT } from './exit-code.ts';
import { askOperations, OperationsError } from './operations-http.ts';
import type { StatusOptions } from './operations-options.ts';
import { hostOf, NODE_OFFSET } from './process-plan.ts';
import type { StatusAnswer } from './status-regions.ts';
import { hasAnswered, statusRegions } from './status-regions.ts';
import { statusShape } from './status-shape.ts';
import { statusTables } from './status-tables.ts';

const REGIONS = fileURLToPath(new URL('../../regions', import.meta.url));

/** How long a port is waited for. */
const ANSWER_MS = 5000;

/**
 * Prints what the operations ports say of their regions; resolves with what the process exits with. Rejects with
 * `ConfigError`.
 */
export async function runStatus(options: StatusOptions): Promise<number> {
  const answers = await askStatus(await portsOf(options), ask);
  const regions = statusRegions(answers);
  const text = options.json
    ? `${JSON.stringify({ answers: answers.map(answerJson) }, undefined, 2)}\n`
    : `${statusTables(regions).join('\n')}\n`;
  process.stdout.write(text);
  return regions.every(({ nodes }) => nodes.every(hasAnswered)) ? EXIT.ok : EXIT.failed;
}

async function portsOf({
  configFolder,
  operations,
}: StatusOptions): Promise<readonly StatusPort[]> {
  if (operations.length > 0) {
    return operations.map((url) => ({ operations: url, region: undefined, node: undefined }));
  }
  const configs = await loadConfigFolder(configFolder ?? REGIONS, process.env);
  return configs.toSorted((left, right) => left.endpoint.port - right.endpoint.port).map(portOf);
}

function portOf({ region, node, operations: { hosts, port } }: RegionConfig): StatusPort {
  const at = (offset: number): string => `http://${hostOf(hosts)}:${port + offset}`;
  const others = node === undefined ? [at(NODE_OFFSET), at(2 * NODE_OFFSET)] : [];
  return { operations: at(0), region, node: node?.zone, others };
}

/** Never rejects. */
async function ask({ operations, region, node }: StatusPort): Promise<StatusAnswer> {
  try {
    const said = await askOperations({ endpoint: operations, path: '/status', limitMs: ANSWER_MS });
    return { kind: 'answered', operations, said, status: statusShape(said, operations) };
  } catch (error) {
    return { kind: 'silent', operations, region, node, failure: failureOf(error) };
  }
}

function failureOf(error: unknown): string {
  if (error instanceof OperationsError) return error.words;
  return `answers what this release does not know: ${error instanceof Error ? error.message : String(error)}`;
}

const answerJson = (answer: StatusAnswer): object =>
  answer.kind === 'answered'
    ? { operations: answer.operations, region: answer.status.region, status: answer.said }
    : {
        operations: answer.operations,
        region: answer.region,
        node: answer.node,
        failure: answer.failure,
      };
