import { NodeCalls } from '../../src/partition/clustered/node-calls.ts';
import { type NodeBus, NodeNetwork } from './node-network.ts';
import type { VirtualClock } from './virtual-clock.ts';

const REGION = 'us-east-1';

/** How the nodes of a region call each other, in virtual time. */
export class NodeLines {
  readonly #network: NodeNetwork;
  readonly #lost = new Map<string, Set<() => void>>();
  readonly #silent = new Set<string>();

  constructor(clock: VirtualClock) {
    this.#network = new NodeNetwork(REGION, clock);
  }

  of(zone: string): { readonly calls: NodeCalls; readonly bus: NodeBus } {
    const bus = this.#network.bus();
    const onLost = (lost: string, listener: () => void): (() => void) => {
      const listeners = this.#lost.get(lost) ?? new Set();
      this.#lost.set(lost, listeners.add(listener));
      return () => listeners.delete(listener);
    };
    const nodes = { onLost, isSilent: (other: string) => this.#silent.has(other) };
    return { calls: new NodeCalls({ region: REGION, zone, bus, nodes }), bus };
  }

  /** All nodes find that this one is out of reach, until it is `found`. */
  lose(zone: string): void {
    this.#silent.add(zone);
    for (const listener of this.#lost.get(zone) ?? []) listener();
  }

  /** It answers again. */
  found(zone: string): void {
    this.#silent.delete(zone);
  }
}
