import { assert } from '../base/assert.ts';
import type { RequestHandler } from './bus.ts';
import { BusError } from './bus.ts';
import type { Link } from './link.ts';
import type { Msg, MsgHdrs } from './nats-connection.ts';
import type { NatsLine } from './nats-line.ts';
import { failedMessage, firstPartOf, senderOf, withRest } from './nats-message.ts';
import { type Outcome, outcomeOf } from './outcome.ts';
import type { PartExchange } from './part-exchange.ts';
import { cutOf, partOf } from './parts.ts';

/** The nodes of a region that serve one subject share its requests. */
export const QUEUE = 'tidemark';

export interface NatsAnswersOptions {
  readonly line: NatsLine;
  readonly parts: PartExchange;
  /** The link back to an asker; undefined where there is none to be set. */
  readonly linkTo: (region: string) => Link | undefined;
}

interface Question {
  readonly subject: string;
  readonly from: string;
  /** Where the answer goes. */
  readonly reply: string;
}

/** What a region answers, on the connection to its own NATS. */
export class NatsAnswers {
  readonly #options: NatsAnswersOptions;
  readonly #served = new Map<string, { readonly handle: RequestHandler; end(): void }>();
  /** Counts stops, so that what was asked in an earlier life is not answered in a later one. */
  #life = 0;

  constructor(options: NatsAnswersOptions) {
    this.#options = options;
  }

  /** Answers until the function it returns is called. */
  serve(subject: string, handle: RequestHandler): () => void {
    assert(!this.#served.has(subject), `${subject} is served already`);
    const end = this.#options.line.subscribe(subject, QUEUE, (message) =>
      this.#receive(subject, message),
    );
    const served = { handle, end };
    this.#served.set(subject, served);
    return () => {
      if (this.#served.get(subject) !== served) return;
      this.#served.delete(subject);
      end();
    };
  }

  /** Answers that are still owed are never sent. */
  stop(): void {
    this.#life += 1;
    for (const served of this.#served.values()) served.end();
    this.#served.clear();
  }

  #receive(subject: string, message: Msg): void {
    const { reply } = message;
    if (reply === undefined || reply === '') return;
    const from = senderOf(message);
    if (from === undefined) {
      const words = `${subject} was asked by nobody that says who it is`;
      this.#publish(reply, failure('foreign', words));
      return;
    }
    const question = { subject, from, reply };
    const first = firstPartOf(message);
    if (first === undefined) void this.#answer(question, message.data);
    else if (first === 'damaged') this.#refuse(question, 'the parts of the message make no sense');
    else {
      const taken = this.#options.parts.gather(first, (whole) => {
        if (whole !== undefined) void this.#answer(question, whole);
        else this.#refuse(question, 'the message did not arrive whole');
      });
      if (taken === undefined) this.#refuse(question, 'more is arriving than can be taken in now');
    }
  }

  async #answer(question: Question, payload: Uint8Array): Promise<void> {
    const { subject, from } = question;
    const handle = this.#served.get(subject)?.handle;
    if (handle === undefined) {
      this.#refuse(question, `${subject} is served no longer`);
      return;
    }
    const life = this.#life;
    const outcome = await outcomeOf(handle, { subject, payload }, from);
    if (this.#life === life) this.#respond(question, outcome);
  }

  /** The asker learns that nothing was carried out. */
  #refuse(question: Question, words: string): void {
    const error = new BusError('unreachable', words);
    this.#respond(question, { kind: 'failed', error });
  }

  /** An answer that the link does not take is lost: the asker's timeout is what tells it. */
  #respond({ from, reply }: Question, outcome: Outcome): void {
    const life = this.#life;
    const link = this.#options.linkTo(from);
    const bytes = outcome.kind === 'answer' ? outcome.payload.length : 0;
    const deliver = (): void => {
      if (this.#life === life) this.#publish(reply, outcome);
    };
    if (link === undefined || link.isDirect) deliver();
    else link.send(bytes, deliver);
  }

  #publish(reply: string, outcome: Outcome): void {
    const { line, parts } = this.#options;
    if (outcome.kind === 'failed') {
      const { payload, headers } = failedMessage(outcome.error);
      line.publish(reply, payload, { headers });
      return;
    }
    const { payload } = outcome;
    const cut = cutOf(payload, line.partBytes);
    if (cut === undefined) {
      line.publish(reply, payload, {});
      return;
    }
    const pull = parts.lend(payload, cut);
    if (pull === undefined) {
      this.#publish(reply, failure('busy', 'more answers are waiting than can be held'));
      return;
    }
    const headers: MsgHdrs = withRest(undefined, cut, pull);
    line.publish(reply, partOf(payload, cut.partBytes, 0), { headers });
  }
}

const failure = (remoteCode: string, words: string): Outcome => ({
  kind: 'failed',
  error: new BusError('remote', words, { remoteCode }),
});
