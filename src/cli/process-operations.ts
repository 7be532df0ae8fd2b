import type { Json, JsonObject } from '../daemon/operations-target.ts';
import { isObject } from './json-members.ts';
import { askOperations, exchangeOperations } from './operations-http.ts';

const READ_MS_MAX = 1500;
/** A zone that is started may have much to read before. */
const CHANGE_MS_MAX = 60_000;

/** An operations port of another process, over HTTP. */
export class NodeOperations {
  readonly #endpoint: string;

  constructor(endpoint: string) {
    this.#endpoint = endpoint;
  }

  /** What it answers, whether it is well or not; undefined when there is no answer, or none of ours. */
  async read(path: string): Promise<JsonObject | undefined> {
    try {
      const json: Json = JSON.parse(await this.text(path));
      return isObject(json) ? json : undefined;
    } catch {
      return undefined;
    }
  }

  /** Rejects when there is no answer. */
  async text(path: string): Promise<string> {
    return (await exchangeOperations({ ...this.#reading, path })).text;
  }

  /** Whether it answers, and well. */
  async isOk(path: string): Promise<boolean> {
    try {
      return (await exchangeOperations({ ...this.#reading, path })).ok;
    } catch {
      return false;
    }
  }

  /** Rejects, in the words of the answer, unless it did so. */
  async change(path: string, body: object = {}): Promise<void> {
    const endpoint = this.#endpoint;
    await askOperations({ endpoint, path, change: body, limitMs: CHANGE_MS_MAX });
  }

  get #reading(): { readonly endpoint: string; readonly limitMs: number } {
    return { endpoint: this.#endpoint, limitMs: READ_MS_MAX };
  }
}
