import {
  DiscardPolicy,
  jetstream,
  JetStreamApiCodes,
  JetStreamApiError,
  type JetStreamClient,
  jetstreamManager,
  type JetStreamManager,
  RepublishHeaders,
  RetentionPolicy,
  type StoredMsg,
  type StreamConfig,
  StorageType,
} from '@nats-io/jetstream';

import type { Clock } from '../../base/clock.ts';
import {
  BrokerError,
  type Published,
  type StreamBounds,
  type StreamBroker,
  type StreamMessage,
} from './stream-broker.ts';
import {
  type LogStream,
  logStreamOf,
  storedSubjectOf,
  streamNameOf,
  streamSubjectOf,
  streamSubjectsOf,
} from './stream-names.ts';

/** A connection of the official client. */
export type JetStreamConnection = Parameters<typeof jetstreamManager>[0];

/** How long the server may take to say what became of a message. Elections take longer: then nobody knows. */
const publishMsMax = 2000;
/** How long it may take with any other question. */
const askMsMax = 2000;
/** To make or to remove a stream, its servers elect a leader first. */
const manageMsMax = 10_000;

/** The largest message: the least `max_payload`, less what headers take. */
const messageBytesMax = 8 * 1024 * 1024 - 64 * 1024;
const readMessagesMax = 1000;
/** So often a copy of the stream that is behind is asked again until the stream's leader is. */
const behindTriesMax = 3;
const behindPauseMs = 5;

const NANOSECONDS_A_MILLISECOND = 1_000_000;

export interface NatsStreamsOptions {
  readonly region: string;
  readonly clock: Clock;
  /** Three where the NATS has three servers, one where it is alone. */
  readonly replicas: 1 | 3;
}

interface Connected {
  readonly connection: JetStreamConnection;
  readonly client: JetStreamClient;
  readonly manager: JetStreamManager;
}

/**
 * The streams of a region's logs in its JetStream. A stream is kept in files, has no limit of age or size, takes what it
 * has room for and refuses the rest, remembers no message ids, and lets nobody delete a message out of its middle.
 */
export class NatsStreams {
  readonly #options: NatsStreamsOptions;
  readonly #watchers = new Set<Watcher>();
  #connected: Connected | undefined;
  #isUp = false;

  constructor(options: NatsStreamsOptions) {
    this.#options = options;
  }

  /**
   * Goes on over this connection; the one before it may be closed. While it is away nothing is published: the client
   * would keep it without bound.
   */
  async use(connection: JetStreamConnection): Promise<void> {
    const manager = await jetstreamManager(connection, { checkAPI: false, timeout: askMsMax });
    this.#connected = { connection, client: jetstream(connection), manager };
    this.#isUp = true;
    for (const watcher of this.#watchers) watcher.over(connection);
    void this.#follow(connection);
  }

  async #follow(connection: JetStreamConnection): Promise<void> {
    for await (const { type } of connection.status()) {
      if (this.#connected?.connection !== connection) return;
      if (type === 'disconnect' || type === 'close') this.#isUp = false;
      if (type !== 'reconnect') continue;
      this.#isUp = true;
      // What was stored meanwhile was not told.
      for (const { tell } of this.#watchers) tell(undefined);
    }
  }

  get #now(): Connected {
    if (this.#connected === undefined || !this.#isUp) throw unreachable('not connected to NATS');
    return this.#connected;
  }

  /** One process's view of a log's stream, which need not exist. */
  broker(log: LogStream): StreamBroker {
    const { region } = this.#options;
    const place = { name: streamNameOf(region, log), subject: streamSubjectOf(region, log) };
    return {
      publish: async (payload, expectedLast) => this.#publish(place, payload, expectedLast),
      bounds: async () => this.#bounds(place.name),
      read: async (from, limitBytes) => this.#read(place.name, from, limitBytes),
      purge: async (below) => this.#purge(place.name, below),
      watch: (listener) => {
        const watcher = new Watcher(storedSubjectOf(region, log), listener);
        this.#watchers.add(watcher);
        if (this.#connected !== undefined) watcher.over(this.#connected.connection);
        return () => {
          this.#watchers.delete(watcher);
          watcher.stop();
        };
      },
    };
  }

  /** Makes the stream; nothing where it is there already as it must be. Rejects with `BrokerError`. */
  async create(log: LogStream): Promise<void> {
    await asked(async () => {
      const { connection } = this.#now;
      const manager = await jetstreamManager(connection, { checkAPI: false, timeout: manageMsMax });
      await manager.streams.add(this.#config(log));
    });
  }

  #config(log: LogStream): Partial<StreamConfig> & { readonly name: string } {
    const { region, replicas } = this.#options;
    return {
      name: streamNameOf(region, log),
      subjects: [streamSubjectOf(region, log)],
      description: `Tidemark: the log of partition ${log.partition} in ${region}`,
      retention: RetentionPolicy.Limits,
      storage: StorageType.File,
      discard: DiscardPolicy.New,
      num_replicas: replicas,
      max_consumers: -1,
      max_msgs: -1,
      max_bytes: -1,
      max_age: 0,
      max_msgs_per_subject: -1,
      max_msg_size: messageBytesMax,
      // The least that a server takes. No message has an id.
      duplicate_window: 100 * NANOSECONDS_A_MILLISECOND,
      allow_direct: true,
      deny_delete: true,
      deny_purge: false,
      allow_rollup_hdrs: false,
      republish: {
        src: streamSubjectOf(region, log),
        dest: storedSubjectOf(region, log),
        headers_only: true,
      },
    };
  }

  /** The region's logs, of every generation, as far as the servers say. Rejects with `BrokerError`. */
  async list(): Promise<readonly LogStream[]> {
    const { region } = this.#options;
    return asked(async () => {
      const found: LogStream[] = [];
      for await (const name of this.#now.manager.streams.names(streamSubjectsOf(region))) {
        const log = logStreamOf(region, name);
        if (log !== undefined) found.push(log);
      }
      return found.toSorted((a, b) => a.partition - b.partition || a.generation - b.generation);
    });
  }

  /** Removes the stream with all that is in it. Whether it was there. Rejects with `BrokerError`. */
  async delete(log: LogStream): Promise<boolean> {
    try {
      await asked(async () => {
        const { connection } = this.#now;
        const manager = await jetstreamManager(connection, {
          checkAPI: false,
          timeout: manageMsMax,
        });
        await manager.streams.delete(streamNameOf(this.#options.region, log));
      });
      return true;
    } catch (error) {
      if (error instanceof BrokerError && error.code === 'not found') return false;
      throw error;
    }
  }

  async #publish(
    { name, subject }: { readonly name: string; readonly subject: string },
    payload: Uint8Array,
    expectedLast: number,
  ): Promise<Published> {
    // What is not sent is not stored.
    if (!this.#isUp || this.#connected === undefined) return { kind: 'refused' };
    try {
      const { seq } = await this.#connected.client.publish(subject, payload, {
        timeout: publishMsMax,
        expect: { lastSequence: expectedLast, streamName: name },
      });
      return { kind: 'stored', sequence: seq };
    } catch (error) {
      return { kind: isWrongLast(error) ? 'refused' : 'unknown' };
    }
  }

  /** By the stream's leader: nobody else answers. */
  async #bounds(name: string): Promise<StreamBounds> {
    return asked(async () => {
      const { state, cluster } = await this.#now.manager.streams.info(name);
      // A stream without a leader may be told of by another server, which knows nothing of what is in it.
      if (cluster !== undefined && (cluster.leader ?? '') === '')
        throw unreachable(`${name} has no leader`);
      const { first_seq: first, last_seq: last, bytes } = state;
      return state.messages === 0 ? { first: last + 1, last, bytes } : { first, last, bytes };
    });
  }

  async #read(name: string, from: number, limitBytes: number): Promise<readonly StreamMessage[]> {
    for (let tries = 1; tries <= behindTriesMax; tries += 1) {
      const found = await this.#readNearby(name, from, limitBytes);
      if (found.length > 0) return found;
      await this.#options.clock.sleep(tries * behindPauseMs);
    }
    return [await this.#readFromLeader(name, from)];
  }

  /**
   * By whichever server has the stream, and may be behind: none, or messages without a gap from the one asked for on.
   */
  async #readNearby(
    name: string,
    from: number,
    limitBytes: number,
  ): Promise<readonly StreamMessage[]> {
    const found: StreamMessage[] = [];
    try {
      const { direct } = this.#now.manager;
      const batch = { seq: from, batch: readMessagesMax, max_bytes: limitBytes };
      for await (const message of await direct.getBatch(name, batch)) {
        if (message.seq !== from + found.length) break;
        found.push(messageOf(message));
      }
    } catch (error) {
      // A server without it, or one that is just going: what it has given is right all the same.
      if (error instanceof BrokerError) throw error;
    }
    return found;
  }

  async #readFromLeader(name: string, from: number): Promise<StreamMessage> {
    return asked(async () => {
      const message = await this.#now.manager.streams.getMessage(name, { seq: from });
      if (message === null) throw new BrokerError('not found', `no message ${from} in ${name}`);
      return messageOf(message);
    });
  }

  async #purge(name: string, below: number): Promise<void> {
    await asked(async () => {
      const { last } = await this.#bounds(name);
      // Never emptied: a reader believes the first message.
      const seq = Math.min(below, last);
      if (seq > 0) await this.#now.manager.streams.purge(name, { seq });
    });
  }
}

const messageOf = ({ seq, data }: StoredMsg): StreamMessage => ({ sequence: seq, payload: data });

/** Hears over core NATS what the stream's leader tells of each message that it has stored: its headers. */
class Watcher {
  readonly tell: (last: number | undefined) => void;
  readonly #subject: string;
  #stop: () => void = () => {};

  constructor(subject: string, tell: Watcher['tell']) {
    this.#subject = subject;
    this.tell = tell;
  }

  over(connection: JetStreamConnection): void {
    this.stop();
    const subscription = connection.subscribe(this.#subject, {
      callback: (_, { headers }) => {
        const last = Number(headers?.get(RepublishHeaders.Sequence) ?? Number.NaN);
        this.tell(Number.isSafeInteger(last) ? last : undefined);
      },
    });
    this.#stop = () => {
      if (!subscription.isClosed()) subscription.unsubscribe();
    };
  }

  stop(): void {
    this.#stop();
    this.#stop = () => {};
  }
}

const isWrongLast = (error: unknown): boolean =>
  error instanceof JetStreamApiError &&
  (error.code === JetStreamApiCodes.StreamWrongLastSequence ||
    error.code === JetStreamApiCodes.StreamWrongLastSequenceUnknown);

/** Everything else than a clear "not found" is nobody's answer. */
async function asked<T>(ask: () => Promise<T>): Promise<T> {
  try {
    return await ask();
  } catch (error) {
    if (error instanceof BrokerError) throw error;
    const isNotFound =
      error instanceof JetStreamApiError &&
      (error.code === JetStreamApiCodes.StreamNotFound ||
        error.code === JetStreamApiCodes.NoMessageFound);
    const words = error instanceof Error ? error.message : String(error);
    throw new BrokerError(isNotFound ? 'not found' : 'unreachable', words, { cause: error });
  }
}

const unreachable = (message: string): BrokerError => new BrokerError('unreachable', message);
