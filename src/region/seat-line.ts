import { ClientError, internalError } from '../model/errors.ts';
import type { Table, TableDefinition } from '../model/table.ts';
import type { TagChange } from '../model/table-tags.ts';
import { errorOf, refusalOf, type Refusal } from '../partition/clustered/node-calls.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Region, ReplicaChange, TableChange, TableSettings } from './region.ts';
import { type Elsewhere, SeatCalls, type SeatPlace } from './seat-calls.ts';

/** What changes tables is done by the node that has the region's seat. */
export type TableOrder =
  | {
      readonly kind: 'create';
      readonly name: string;
      readonly definition: TableDefinition;
      readonly settings: TableSettings | undefined;
    }
  | { readonly kind: 'update'; readonly name: string; readonly change: TableChange }
  | { readonly kind: 'delete'; readonly name: string }
  | { readonly kind: 'tag'; readonly name: string; readonly change: TagChange }
  | { readonly kind: 'replica'; readonly name: string; readonly change: ReplicaChange }
  /** Nothing is changed: up to where the catalogue goes. */
  | { readonly kind: 'look' };

/** A region whose services run in this process. */
export type SeatRegion = Pick<
  Region,
  'createTable' | 'updateTable' | 'deleteTable' | 'changeTags' | 'changeReplica'
>;

/** The seat, as the node has it that leads partition 0. */
export interface Seat {
  readonly region: SeatRegion;
  /** The index of the last entry of partition 0: the catalogue of another node must have it to know what was done. */
  readonly catalogueIndex: () => number;
}

export interface OrderDone {
  readonly table: Table | undefined;
  readonly catalogueIndex: number;
}

type Reply = { readonly kind: 'done'; readonly done: OrderDone } | Refusal;

const answerMs = 10_000;

export interface SeatLineOptions extends SeatPlace {
  readonly logger: Logger;
  /** The seat, while this node has it. */
  readonly seat: () => Seat | undefined;
}

/** The way to the region's seat: orders are carried out here, or sent to the node that has it. */
export class SeatLine {
  readonly #options: SeatLineOptions;
  readonly #calls: SeatCalls<TableOrder, Reply>;

  constructor(options: SeatLineOptions) {
    this.#options = options;
    this.#calls = new SeatCalls({
      ...options,
      name: 'node.control',
      answerMs,
      hasSeat: () => options.seat() !== undefined,
      carryOut: async (order) => this.#replyTo(order),
      onUnknown: () => {
        throw internalError();
      },
    });
  }

  start(): void {
    this.#calls.start();
  }

  /** Rejects with `ClientError`: the refusal, or `InternalServerError` when it is not known what became of it. */
  async order(order: TableOrder): Promise<OrderDone> {
    const reply = await this.#calls.ask(order);
    if (reply === undefined) throw internalError();
    if (reply.kind === 'refused') throw errorOf(reply);
    return reply.done;
  }

  async #replyTo(order: TableOrder): Promise<Reply | Elsewhere> {
    const seat = this.#options.seat();
    if (seat === undefined) return { kind: 'elsewhere' };
    try {
      const table = await carryOut(seat.region, order);
      return { kind: 'done', done: { table, catalogueIndex: seat.catalogueIndex() } };
    } catch (error) {
      if (!(error instanceof ClientError))
        this.#options.logger.error({ order: order.kind, error }, 'a change of a table failed');
      return refusalOf(error);
    }
  }
}

async function carryOut(region: SeatRegion, order: TableOrder): Promise<Table | undefined> {
  switch (order.kind) {
    case 'create':
      return region.createTable(order.name, order.definition, order.settings);
    case 'update':
      return region.updateTable(order.name, order.change);
    case 'delete':
      return region.deleteTable(order.name);
    case 'tag':
      await region.changeTags(order.name, order.change);
      return undefined;
    case 'replica':
      return region.changeReplica(order.name, order.change);
    case 'look':
      return undefined;
    default:
      return order satisfies never;
  }
}
