import { exchangeOperations, type OperationsRequest } from './operations-http.ts';
import { parsePrometheusText } from './prometheus-text.ts';
import type { Sample } from './prometheus-text.ts';

/** A zone that is started may have much to read before. */
const ANSWER_MS_MAX = 60_000;

/** What the engine says of one table of one region. */
export interface TableDigest {
  readonly name: string;
  /** Comparable between regions while nothing is pending between them. */
  readonly digest: string;
  readonly itemCount: number;
}

/** The operations port of one region, over HTTP as anybody would use it. Rejects when an answer is not 200. */
export class OperationsClient {
  readonly #endpoint: string;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  async isReady(): Promise<boolean> {
    try {
      return (await exchangeOperations(this.#request('/readyz'))).ok;
    } catch {
      return false;
    }
  }

  async metrics(): Promise<readonly Sample[]> {
    return parsePrometheusText(await this.#ask('/metrics'));
  }

  /** Undefined when the region does not know the table. */
  async table(name: string): Promise<TableDigest | undefined> {
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- the answer of our own operations port
    const view = JSON.parse(await this.#ask('/replication')) as {
      readonly tables: readonly TableDigest[];
    };
    return view.tables.find((table) => table.name === name);
  }

  async switchZone(zone: string, to: 'stop' | 'start'): Promise<void> {
    await this.#ask(`/zones/${zone}/${to}`, {});
  }

  async setLinkDelay(peer: string, delayMs: number): Promise<void> {
    await this.#ask(`/links/${peer}`, { delayMs });
  }

  /** GET without a change, POST with one. */
  async #ask(path: string, change?: object): Promise<string> {
    const request = { ...this.#request(path), ...(change === undefined ? {} : { change }) };
    const { ok, status, text } = await exchangeOperations(request);
    if (!ok) throw new Error(`${this.#endpoint}${path}: ${status} ${text}`);
    return text;
  }

  #request(path: string): OperationsRequest {
    return { endpoint: this.#endpoint, path, limitMs: ANSWER_MS_MAX };
  }
}
