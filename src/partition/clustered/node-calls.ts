import { WOKEN } from '../../base/clock.ts';
import { decodeMessage, encodeMessage } from '../../base/message-codec.ts';
import { BusError, type Bus } from '../../bus/bus.ts';
import { decodeFrame, encodeFrame } from '../../bus/frame.ts';
import { nodeSubjectOf, type NodeSubjectName } from '../../bus/subjects.ts';
import { ClientError, internalError } from '../../model/errors.ts';

/** Who tells that a node is out of reach: nothing is waited for from there, and nothing is sent to one that hangs. */
export interface NodeWatch {
  /** It was in reach, and has not answered for a while. */
  isSilent(zone: string): boolean;
  onLost(zone: string, listener: () => void): () => void;
}

export interface NodeCallsOptions {
  readonly region: string;
  readonly zone: string;
  readonly bus: Bus;
  readonly nodes: NodeWatch;
}

/** What a node has not done. Nothing of it was begun. */
export interface Refusal {
  readonly kind: 'refused';
  readonly code: string;
  readonly message: string;
  readonly status: number;
  readonly members: Readonly<Record<string, unknown>>;
}

/** Calls between the nodes of a region: plain data with bytes in it. */
export class NodeCalls {
  readonly #options: NodeCallsOptions;
  readonly #stopped = new AbortController();
  readonly #stops: (() => void)[] = [];
  /** Calls that are not answered yet. */
  readonly #asking = new Set<AbortController>();

  constructor(options: NodeCallsOptions) {
    this.#options = options;
  }

  /**
   * What the node answers; `unreachable` when the call is known not to have arrived, also because a node that does not answer
   * was sent nothing. Rejects with `InternalServerError` when
   * it is not known what became of it: after `timeoutMs`, or when the node is lost or this side stops.
   */
  async ask(
    zone: string,
    name: NodeSubjectName,
    { request, timeoutMs }: { readonly request: unknown; readonly timeoutMs: number },
  ): Promise<{ readonly answer: unknown } | 'unreachable'> {
    const { bus, region, nodes } = this.#options;
    if (nodes.isSilent(zone)) return 'unreachable';
    const payload = encodeFrame(encodeMessage(request));
    const ended = new AbortController();
    this.#asking.add(ended);
    const unlisten = nodes.onLost(zone, () => {
      ended.abort(WOKEN);
    });
    try {
      const answer = await bus.request(
        region,
        { subject: nodeSubjectOf(region, zone, name), payload },
        { timeoutMs, signal: ended.signal },
      );
      return { answer: decodeMessage(decodeFrame(answer)) };
    } catch (error) {
      if (!(error instanceof BusError)) throw error;
      if (error.code === 'unreachable') return 'unreachable';
      throw internalError();
    } finally {
      unlisten();
      this.#asking.delete(ended);
    }
  }

  /** Answers such calls of other nodes until `stop`. `answer` does not reject. */
  serve(name: NodeSubjectName, answer: (request: unknown) => Promise<unknown>): void {
    const { bus, region, zone } = this.#options;
    this.#stops.push(
      bus.serve(nodeSubjectOf(region, zone, name), async (payload) =>
        encodeFrame(encodeMessage(await answer(decodeMessage(decodeFrame(payload))))),
      ),
    );
  }

  get isStopped(): boolean {
    return this.#stopped.signal.aborted;
  }

  /** Aborts when this side stops. */
  get signal(): AbortSignal {
    return this.#stopped.signal;
  }

  stop(): void {
    this.#stopped.abort();
    for (const ended of this.#asking) ended.abort(WOKEN);
    for (const stop of this.#stops.splice(0)) stop();
  }
}

/** What the asker is told of an error: a client's as it is, and of any other that there was one. */
export function refusalOf(error: unknown): Refusal {
  const { code, message, status, members } = error instanceof ClientError ? error : internalError();
  return { kind: 'refused', code, message, status, members };
}

export const errorOf = ({ code, message, status, members }: Refusal): ClientError =>
  new ClientError(code, message, { status, members });
