import { BusError, type Bus } from '../bus/bus.ts';
import { decodeFrame, encodeFrame } from '../bus/frame.ts';
import { subjectOf } from '../bus/subjects.ts';
import {
  CONTROL,
  decodeControl,
  encodeControl,
  type AnswerOf,
  type ControlSubject,
  type RequestOf,
} from './control-wire.ts';

/** How long an answer about a global table may take. */
const answerMs = 2000;

/** Asks other regions about global tables, and serves what they ask. */
export class ControlLine {
  readonly #bus: Bus;
  readonly #closed = new AbortController();
  readonly #stops: (() => void)[] = [];

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Undefined when there is no answer, for whatever reason. Rejects as `ask` does. */
  async tryAsk<Subject extends ControlSubject>(
    region: string,
    subject: Subject,
    request: RequestOf<Subject>,
    signal?: AbortSignal,
  ): Promise<AnswerOf<Subject> | undefined> {
    const reply = await this.ask(region, subject, request, signal);
    return reply.kind === 'answered' ? reply.answer : undefined;
  }

  /**
   * Rejects with `BusError` `stopped` when this side stops or `signal` aborts, without one when the line is closed; with
   * `ShapeError`, `FrameError`.
   */
  async ask<Subject extends ControlSubject>(
    region: string,
    subject: Subject,
    request: RequestOf<Subject>,
    signal: AbortSignal = this.#closed.signal,
  ): Promise<Reply<AnswerOf<Subject>>> {
    const message = {
      subject: subjectOf(region, subject),
      payload: encodeFrame(encodeControl(request)),
    };
    try {
      const answer = await this.#bus.request(region, message, {
        timeoutMs: answerMs,
        signal,
      });
      return {
        kind: 'answered',
        answer: decodeControl(answerShape(subject), decodeFrame(answer)),
      };
    } catch (error) {
      if (!(error instanceof BusError) || error.code === 'stopped') throw error;
      if (error.code === 'unreachable') return { kind: 'unreachable' };
      return { kind: error.code === 'timeout' ? 'silent' : 'failed' };
    }
  }

  serve<Subject extends ControlSubject>(
    subject: Subject,
    handle: (request: RequestOf<Subject>, from: string) => Promise<AnswerOf<Subject>>,
  ): void {
    const stop = this.#bus.serve(subjectOf(this.#bus.region, subject), async (payload, from) => {
      const request = decodeControl(requestShape(subject), decodeFrame(payload));
      return encodeFrame(encodeControl(await handle(request, from)));
    });
    this.#stops.push(stop);
  }

  /** Ends what is being asked without a signal, and serves nothing any more. */
  close(): void {
    this.#closed.abort();
    for (const stop of this.#stops.splice(0)) stop();
  }
}

/**
 * `unreachable`: nothing has arrived there. `silent`: nobody knows whether it has, and the region may be lost.
 * `failed`: the region lives, and could not do what was asked, or its answer cannot be carried.
 */
export type Reply<Answer> =
  | { readonly kind: 'answered'; readonly answer: Answer }
  | { readonly kind: 'unreachable' | 'silent' | 'failed' };

type ShapeOf<T> = (value: unknown, place: string) => T;

// TypeScript does not follow a generic key into the table; the table's own type says that these agree.
const requestShape = <Subject extends ControlSubject>(
  subject: Subject,
): ShapeOf<RequestOf<Subject>> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  CONTROL[subject].request as ShapeOf<RequestOf<Subject>>;
const answerShape = <Subject extends ControlSubject>(
  subject: Subject,
): ShapeOf<AnswerOf<Subject>> =>
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion
  CONTROL[subject].answer as ShapeOf<AnswerOf<Subject>>;
