import { OperationRefused } from './operation-refused.ts';
import type { NodeView } from './operations-target.ts';

export interface OnlyNodeOptions {
  readonly region: string;
  /** Whether the region is started. */
  readonly isRunning: () => boolean;
  readonly endpoint: () => string;
  readonly operations: () => string;
}

/** A region of one node: it leads everything, and has nobody to hand over to. */
export class OnlyNode {
  readonly #options: OnlyNodeOptions;

  constructor(options: OnlyNodeOptions) {
    this.#options = options;
  }

  view(): NodeView {
    const { isRunning, endpoint, operations } = this.#options;
    return {
      zone: 'here',
      state: isRunning() ? 'running' : 'stopped',
      isThisNode: true,
      endpoint: endpoint(),
      operations: operations(),
    };
  }

  /** Rejects with `OperationRefused`, as all that follows. */
  async moveLeader(): Promise<void> {
    throw this.#alone();
  }

  async drain(): Promise<void> {
    throw this.#alone();
  }

  async undrain(): Promise<void> {
    throw this.#alone();
  }

  async goOnWithoutMissing(): Promise<void> {
    throw this.#alone();
  }

  #alone(): OperationRefused {
    const { region } = this.#options;
    return new OperationRefused(
      'conflict',
      `${region} is a region of one node: it has nobody to hand over to`,
    );
  }
}
