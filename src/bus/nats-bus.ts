import { type Clock, WOKEN } from '../base/clock.ts';
import type { Random } from '../base/random.ts';
import type { Logger } from '../telemetry/logger.ts';
import type { Metrics } from '../telemetry/metrics.ts';
import type { BusMessage, RequestHandler, RequestOptions } from './bus.ts';
import { BusError, PAYLOAD_BYTES_MAX } from './bus.ts';
import { Link, type LinkState } from './link.ts';
import type { LinkedBus, OutgoingLinks } from './linked-bus.ts';
import { NatsAnswers, QUEUE } from './nats-answers.ts';
import type { NatsAccess } from './nats-connection.ts';
import { NatsLine } from './nats-line.ts';
import { NatsPeer } from './nats-peer.ts';
import { NatsRequests } from './nats-requests.ts';
import { aborted, stopped, tooLarge } from './outcome.ts';
import { PartExchange } from './part-exchange.ts';
import { helloSubjectOf } from './subjects.ts';
import { helloOf } from './wire-hello.ts';

export interface NatsBusOptions {
  readonly region: string;
  /** The NATS of this region. */
  readonly access: NatsAccess;
  /** Those of its peers, by region. */
  readonly peers: Readonly<Record<string, NatsAccess>>;
  /** What this daemon says that it is: `0.1.0`. */
  readonly release: string;
  /** How the servers' monitoring shows this daemon; the region's name unless given. */
  readonly name?: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly logger: Logger;
  readonly metrics: Metrics;
}

const UP: LinkState = { up: true, delayMs: 0 };

/**
 * A region's `Bus` over NATS. What it serves is served on its own region's NATS, shared with the other nodes of the region
 * that serve the same; each peer is asked on a connection of its own to that peer's NATS. Core NATS alone: nothing is kept
 * by a server. Requests go through this side's link to the peer, answers through the answering side's link to the asker.
 */
export class NatsBus implements LinkedBus {
  readonly region: string;
  readonly links: OutgoingLinks;
  readonly #options: NatsBusOptions;
  readonly #line: NatsLine;
  readonly #requests: NatsRequests;
  readonly #answers: NatsAnswers;
  readonly #peers = new Map<string, NatsPeer>();
  readonly #states = new Map<string, LinkState>();
  /** Of this life. */
  readonly #underway = new Map<string, Link>();
  #life = new AbortController();
  #isRunning = false;
  #offGauge: () => void = () => {};

  constructor(options: NatsBusOptions) {
    const { region, clock, release, logger, access, peers } = options;
    this.region = region;
    this.#options = options;
    this.links = {
      get: (to) => this.#states.get(to) ?? UP,
      set: (to, change) => this.#setLink(to, change),
    };
    this.#line = this.#lineTo(region, access);
    const parts = new PartExchange(this.#line, clock);
    this.#requests = new NatsRequests({ region, line: this.#line, parts, clock });
    const linkTo = (to: string): Link | undefined =>
      this.#peers.has(to) || this.#states.has(to) ? this.#linkTo(to) : undefined;
    this.#answers = new NatsAnswers({ line: this.#line, parts, linkTo });
    for (const [peer, peerAccess] of Object.entries(peers)) {
      if (peer === region) continue;
      const line = this.#lineTo(peer, peerAccess);
      this.#peers.set(peer, new NatsPeer({ region, release, line, clock, logger }));
    }
    this.#line.subscribe(helloSubjectOf(region), QUEUE, ({ reply }) => {
      if (reply !== undefined && this.#isRunning) this.#line.publish(reply, helloOf(release), {});
    });
  }

  /** Resolves when every NATS is connected or known not to be in reach; those are tried again for ever. */
  async start(): Promise<void> {
    this.#isRunning = true;
    this.#offGauge = this.#options.metrics.gauge('tidemark_nats_connected', () =>
      [this.#line, ...this.#peers.values()].map(({ owner, isConnected }) => ({
        labels: { region: owner },
        value: isConnected ? 1 : 0,
      })),
    );
    await Promise.all([this.#line, ...this.#peers.values()].map(async (part) => part.start()));
  }

  /** Rejects what this side has asked with `stopped`; answers that it still owes are never sent. */
  async stop(): Promise<void> {
    if (!this.#isRunning) return;
    this.#isRunning = false;
    this.#offGauge();
    this.#requests.stop();
    this.#answers.stop();
    this.#life.abort(WOKEN);
    this.#life = new AbortController();
    this.#underway.clear();
    await Promise.all([this.#line, ...this.#peers.values()].map(async (part) => part.stop()));
  }

  /** A subject is served from when the region's NATS knows it: see `flush`. */
  serve(subject: string, handle: RequestHandler): () => void {
    return this.#answers.serve(subject, handle);
  }

  /** Resolves when the region's NATS knows what is served here; at once while it is not connected. */
  async flush(): Promise<void> {
    await this.#line.flush();
  }

  /** A request to the own region reaches the nodes that serve the subject, this one included; there is no link to it. */
  async request(to: string, message: BusMessage, options: RequestOptions): Promise<Uint8Array> {
    if (!this.#isRunning) throw stopped(this.region);
    if (options.signal?.aborted === true) throw aborted(message.subject);
    const { length } = message.payload;
    if (length > PAYLOAD_BYTES_MAX) throw tooLarge(message.subject, length);
    if (to === this.region) return this.#requests.ask(message, options, {});
    const peer = this.#peers.get(to);
    if (peer === undefined)
      throw new BusError('unreachable', `${to} has no NATS in this region's configuration`);
    return peer.request(message, options, this.#linkTo(to));
  }

  #lineTo(owner: string, access: NatsAccess): NatsLine {
    const { region, clock, random, logger, metrics, name = region } = this.#options;
    return new NatsLine({
      owner,
      access,
      name: `tidemark ${name}`,
      clock,
      random,
      logger,
      metrics,
    });
  }

  #setLink(to: string, change: Partial<LinkState>): void {
    const link = this.#linkTo(to);
    link.set(change);
    this.#states.set(to, link.state);
  }

  #linkTo(to: string): Link {
    let link = this.#underway.get(to);
    if (link === undefined) {
      link = new Link(this.#options.clock, this.#life.signal);
      link.set(this.#states.get(to) ?? UP);
      this.#underway.set(to, link);
    }
    return link;
  }
}
