import type { Clock } from '../base/clock.ts';
import type { NodeSubjectName } from '../bus/subjects.ts';
import { ClientError } from '../model/errors.ts';
import type { NodeCalls } from '../partition/clustered/node-calls.ts';

/** How long the seat is looked for while it moves. */
const lookMs = 6000;
const pauseMs = 50;

/** Nothing was done: the node that was asked does not have the seat. */
export interface Elsewhere {
  readonly kind: 'elsewhere';
}

export interface SeatPlace {
  readonly zone: string;
  readonly calls: NodeCalls;
  readonly clock: Clock;
  /** The zone of the node that has the seat, as far as is known. */
  readonly seatZone: () => string | undefined;
}

export interface SeatCallsOptions<Request, Reply> extends SeatPlace {
  readonly name: NodeSubjectName;
  /** How long an answer of another node is waited for. */
  readonly answerMs: number;
  readonly hasSeat: () => boolean;
  /** Where this node has the seat, else `elsewhere`. Must not reject. */
  readonly carryOut: (request: Request) => Promise<Reply | Elsewhere>;
  /** Told when it is not known what became of a request that went to that zone: what to answer, or it throws. */
  readonly onUnknown: (request: Request, zone: string) => Reply | Elsewhere;
}

/** Calls of what only the node with the region's seat does: carried out here, or sent to that node, which is looked for while it moves. */
export class SeatCalls<Request, Reply extends { readonly kind: string }> {
  readonly #options: SeatCallsOptions<Request, Reply>;

  constructor(options: SeatCallsOptions<Request, Reply>) {
    this.#options = options;
  }

  start(): void {
    const { calls, name, carryOut } = this.#options;
    // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `#send` of the same wire version
    calls.serve(name, async (request) => carryOut(request as Request));
  }

  /** Undefined when no node has had the seat for a while, or this one stops: nothing was done. Rejects with what `onUnknown` throws. */
  async ask(request: Request): Promise<Exclude<Reply, Elsewhere> | undefined> {
    const { clock, calls } = this.#options;
    const endMs = clock.monotonicMs() + lookMs;
    while (!calls.isStopped) {
      const reply = await this.#tryOnce(request);
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- told apart by its kind
      if (reply.kind !== 'elsewhere') return reply as Exclude<Reply, Elsewhere>;
      if (clock.monotonicMs() >= endMs) break;
      await clock.sleep(pauseMs, calls.signal);
    }
    return undefined;
  }

  async #tryOnce(request: Request): Promise<Reply | Elsewhere> {
    const { hasSeat, carryOut, seatZone, zone } = this.#options;
    if (hasSeat()) return carryOut(request);
    const known = seatZone();
    return known === undefined || known === zone
      ? { kind: 'elsewhere' }
      : this.#send(known, request);
  }

  async #send(zone: string, request: Request): Promise<Reply | Elsewhere> {
    const { calls, name, answerMs, onUnknown } = this.#options;
    try {
      const said = await calls.ask(zone, name, { request, timeoutMs: answerMs });
      // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- made by `carryOut` of the same wire version
      return said === 'unreachable' ? { kind: 'elsewhere' } : (said.answer as Reply | Elsewhere);
    } catch (error) {
      if (error instanceof ClientError) return onUnknown(request, zone);
      throw error;
    }
  }
}
