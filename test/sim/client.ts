import { WOKEN } from '../../src/base/clock.ts';
import { ClientError } from '../../src/model/errors.ts';
import type { Table } from '../../src/model/table.ts';
import type { Region } from '../../src/region/region.ts';
import { keyBytes, readItem, writeItem, writeOf } from './client-item.ts';
import type { Action, Expectation, Operation, Outcome } from './history.ts';
import type { SimRegion } from './sim-region.ts';
import { Speaker } from './statements.ts';
import type { World } from './world.ts';

/** How long a client waits for an answer. */
const clientTimeoutMs = 8000;

/** One client of one region: does one thing after another, and notes what it did and saw. */
export class Client {
  readonly name: string;
  readonly region: SimRegion;
  readonly #world: World;
  readonly #fill: number;
  readonly #statements: Speaker;

  constructor(world: World, region: SimRegion, name: string) {
    this.#world = world;
    this.region = region;
    this.name = name;
    this.#fill = world.options.valueBytes;
    this.#statements = new Speaker(world, name);
  }

  async read(table: string, key: string): Promise<Operation> {
    return this.#do(table, key, { kind: 'read' });
  }

  async readNearby(table: string, key: string): Promise<Operation> {
    return this.#do(table, key, { kind: 'read nearby' });
  }

  async write(
    table: string,
    key: string,
    value: string | undefined,
    expects?: Expectation,
  ): Promise<Operation> {
    return this.#do(table, key, { kind: 'write', value, expects });
  }

  async add(table: string, key: string): Promise<Operation> {
    return this.#do(table, key, { kind: 'add' });
  }

  async #do(tableName: string, key: string, action: Action): Promise<Operation> {
    const world = this.#world;
    const operation = world.invoke({
      region: this.region.name,
      client: this.name,
      table: tableName,
      key,
      action,
    });
    const { running } = this.region;
    if (running === undefined) return world.answer(operation, { kind: 'failed' });
    const { engine, life } = running;
    const table = engine.region.findTable(tableName);
    if (table === undefined) return world.answer(operation, { kind: 'failed' });
    const timer = new AbortController();
    const outcome = await Promise.race([
      life.turn().then(async () => this.#ask(engine.region, table, operation)),
      life.died.then((): Outcome => ({ kind: 'unknown' })),
      world.clock.sleep(clientTimeoutMs, timer.signal).then((): Outcome => ({ kind: 'unknown' })),
    ]);
    timer.abort(WOKEN);
    return world.answer(operation, outcome);
  }

  async #ask(region: Region, table: Table, { id, key: name, action }: Operation): Promise<Outcome> {
    const key = keyBytes(name);
    try {
      const said = this.#statements.isNext
        ? await this.#statements.ask(region, {
            table: table.name,
            key: name,
            action,
            fill: this.#fill,
          })
        : undefined;
      if (said !== undefined) return said;
      if (action.kind === 'read' || action.kind === 'read nearby') {
        const consistent = action.kind === 'read';
        return await readItem(region, id, { table: table.number, key, consistent });
      }
      const write = { table: table.number, ...writeOf(name, action, this.#fill) };
      return await writeItem(region, id, write);
    } catch (error) {
      if (error instanceof ClientError && error.status < 500) return { kind: 'failed' };
      if (isBug(error)) this.#world.violate('errors', `${this.name} met ${String(error)}`);
      return { kind: action.kind.startsWith('read') ? 'failed' : 'unknown' };
    }
  }
}

/** Anything but a disk or a zone that is away: no fault of the world makes the program contradict itself. */
export const isBug = (error: unknown): boolean =>
  error instanceof Error && /^(Assertion|Type|Range|Reference)Error$/.test(error.name);
