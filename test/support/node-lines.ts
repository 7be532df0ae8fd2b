import { NodeCalls } from '../../src/partition/clustered/node-calls.ts';
import { type NodeBus, NodeNetwork } from './node-network.ts';
import type { VirtualClock } from './virtual-clock.ts';

const REGION = 'us-east-1';

/** How the nodes of a region call each other, in virtual time. */
export class NodeLines {
  readonly #network: NodeNetwork;
  readonly #lost = new Map<string, Set<() => void>>();

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
    return { calls: new NodeCalls({ region: REGION, zone, bus, nodes: { onLost } }), bus };
  }

  /** All nodes find that this one is out of reach. */
  lose(zone: string): void {
    for (const listener of this.#lost.get(zone) ?? []) listener();
  }
}
