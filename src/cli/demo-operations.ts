import { parsePrometheusText } from './prometheus-text.ts';
import type { Sample } from './prometheus-text.ts';

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
      const response = await fetch(`${this.#endpoint}/readyz`);
      await response.arrayBuffer();
      return response.ok;
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
    const response = await fetch(
      `${this.#endpoint}${path}`,
      change === undefined
        ? {}
        : {
            method: 'POST',
            headers: { 'content-type': 'application/json' },
            body: JSON.stringify(change),
          },
    );
    const text = await response.text();
    if (!response.ok) throw new Error(`${this.#endpoint}${path}: ${response.status} ${text}`);
    return text;
  }
}
