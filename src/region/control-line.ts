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
  readonly #stops: (() => void)[] = [];

  constructor(bus: Bus) {
    this.#bus = bus;
  }

  /** Undefined when the region cannot be reached, or does not answer in time. Rejects with `ShapeError`, `FrameError`. */
  async tryAsk<Subject extends ControlSubject>(
    region: string,
    subject: Subject,
    request: RequestOf<Subject>,
  ): Promise<AnswerOf<Subject> | undefined> {
    const message = {
      subject: subjectOf(region, subject),
      payload: encodeFrame(encodeControl(request)),
    };
    try {
      const answer = await this.#bus.request(region, message, { timeoutMs: answerMs });
      return decodeControl(answerShape(subject), decodeFrame(answer));
    } catch (error) {
      if (error instanceof BusError) return undefined;
      throw error;
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

  close(): void {
    for (const stop of this.#stops.splice(0)) stop();
  }
}

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
