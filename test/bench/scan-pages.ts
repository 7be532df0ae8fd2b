import { call } from './call.ts';
import { rawRequest } from './raw-request.ts';
import { scanPage } from './workloads.ts';

/** Far above what any table of the bench has. */
const PAGES_MAX = 100_000;

export interface ScanPages {
  /** One for each page of the table, in its order. */
  readonly requests: readonly Buffer[];
  /** The mean. */
  readonly itemsPerRequest: number;
}

/** Reads a table once to learn where its pages of 1 MB begin. Rejects when it is empty, or does not end. */
export async function scanPages(port: number, table: string): Promise<ScanPages> {
  const requests: Buffer[] = [];
  let items = 0;
  let startKey: object | undefined;
  do {
    const input = scanPage(table, startKey);
    requests.push(rawRequest('Scan', input));
    const page = pageOf(await call(port, 'Scan', input));
    items += page.Count;
    startKey = page.LastEvaluatedKey;
  } while (startKey !== undefined && requests.length < PAGES_MAX);
  if (startKey !== undefined) throw new Error(`${table} has more than ${PAGES_MAX} pages`);
  if (items === 0) throw new Error(`${table} is empty: there is nothing to scan`);
  return { requests, itemsPerRequest: items / requests.length };
}

interface Page {
  readonly Count: number;
  readonly LastEvaluatedKey?: object;
}

function pageOf(text: string): Page {
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- DynamoDB's answer to Scan
  return JSON.parse(text) as Page;
}
