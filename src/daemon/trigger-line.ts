import { type Elsewhere, SeatCalls, type SeatPlace } from '../region/seat-calls.ts';
import type { Logger } from '../telemetry/logger.ts';
import {
  TriggerRefused,
  type TriggerChange,
  type TriggerRefusal,
  type Triggers,
  type TriggerView,
} from '../triggers/triggers.ts';
import type { TriggerDefinition } from '../triggers/trigger-definition.ts';
import { OperationRefused } from './operation-refused.ts';
import type { TriggerOperations } from './operations-triggers.ts';

/** What is asked of the triggers of a region. */
type TriggerOrder =
  | { readonly kind: 'list' }
  | { readonly kind: 'describe' | 'pause' | 'resume' | 'delete'; readonly name: string }
  | {
      readonly kind: 'create';
      readonly definition: TriggerDefinition;
      readonly isPaused: boolean;
    }
  | { readonly kind: 'update'; readonly name: string; readonly change: TriggerChange };

type Reply =
  | { readonly kind: 'done'; readonly views: readonly TriggerView[] }
  | {
      readonly kind: 'refused';
      readonly code: TriggerRefusal;
      readonly message: string;
      readonly problems: readonly string[];
    }
  /** The log of that node says why. */
  | { readonly kind: 'failed' };

/** A trigger ends what it runs before it rests. */
const answerMs = 20_000;
export interface TriggerLineOptions extends SeatPlace {
  readonly region: string;
  readonly logger: Logger;
  /** Where they run: the seat's, while this node has it. */
  readonly triggers: () => Triggers | undefined;
}

/**
 * The triggers of a region of several nodes, from any of them: they are asked here, or by way of the node that has the region's
 * seat. Everything rejects with `TriggerRefused`, or with `OperationRefused` when no node has the seat or it is not known what
 * became of a change.
 */
export class TriggerLine implements TriggerOperations {
  readonly #options: TriggerLineOptions;
  readonly #calls: SeatCalls<TriggerOrder, Reply>;

  constructor(options: TriggerLineOptions) {
    this.#options = options;
    this.#calls = new SeatCalls({
      ...options,
      name: 'node.trigger',
      answerMs,
      hasSeat: () => options.triggers() !== undefined,
      carryOut: async (order) => this.#replyTo(order),
      onUnknown: afterUnknown,
    });
  }

  start(): void {
    this.#calls.start();
  }

  async list(): Promise<readonly TriggerView[]> {
    return this.#order({ kind: 'list' });
  }

  async describe(name: string): Promise<TriggerView> {
    return this.#one({ kind: 'describe', name });
  }

  async create(
    definition: TriggerDefinition,
    { isPaused }: { readonly isPaused: boolean },
  ): Promise<TriggerView> {
    return this.#one({ kind: 'create', definition, isPaused });
  }

  async update(name: string, change: TriggerChange): Promise<TriggerView> {
    return this.#one({ kind: 'update', name, change });
  }

  async pause(name: string): Promise<TriggerView> {
    return this.#one({ kind: 'pause', name });
  }

  async resume(name: string): Promise<TriggerView> {
    return this.#one({ kind: 'resume', name });
  }

  async delete(name: string): Promise<void> {
    await this.#order({ kind: 'delete', name });
  }

  async #one(order: TriggerOrder): Promise<TriggerView> {
    const [view] = await this.#order(order);
    if (view === undefined) throw new Error(`no trigger was told by ${order.kind}`);
    return view;
  }

  async #order(order: TriggerOrder): Promise<readonly TriggerView[]> {
    const reply = await this.#calls.ask(order);
    if (reply === undefined)
      throw new OperationRefused(
        'conflict',
        `no node has the seat of ${this.#options.region} at the moment, where its triggers run`,
      );
    if (reply.kind === 'refused')
      throw new TriggerRefused(reply.code, reply.message, reply.problems);
    if (reply.kind === 'failed') throw new Error(`${order.kind} of triggers failed`);
    return reply.views;
  }

  async #replyTo(order: TriggerOrder): Promise<Reply | Elsewhere> {
    const triggers = this.#options.triggers();
    if (triggers === undefined) return { kind: 'elsewhere' };
    try {
      return { kind: 'done', views: await carryOut(triggers, order) };
    } catch (error) {
      if (!(error instanceof TriggerRefused)) {
        this.#options.logger.error({ order: order.kind, error }, 'a change of triggers failed');
        return { kind: 'failed' };
      }
      const { code, message, problems } = error;
      return code === 'stopping'
        ? { kind: 'elsewhere' }
        : { kind: 'refused', code, message, problems };
    }
  }
}

/** What only looks is asked again. */
function afterUnknown({ kind }: TriggerOrder, zone: string): Elsewhere {
  if (kind === 'list' || kind === 'describe') return { kind: 'elsewhere' };
  throw new OperationRefused(
    'conflict',
    `node ${zone}, where the triggers run, did not say what became of it: look before you ask again`,
  );
}

async function carryOut(triggers: Triggers, order: TriggerOrder): Promise<readonly TriggerView[]> {
  switch (order.kind) {
    case 'list':
      return triggers.list();
    case 'describe':
      return [await triggers.describe(order.name)];
    case 'create':
      return [await triggers.create(order.definition, { isPaused: order.isPaused })];
    case 'update':
      return [await triggers.update(order.name, order.change)];
    case 'pause':
      return [await triggers.pause(order.name)];
    case 'resume':
      return [await triggers.resume(order.name)];
    case 'delete':
      await triggers.delete(order.name);
      return [];
    default:
      return order satisfies never;
  }
}
