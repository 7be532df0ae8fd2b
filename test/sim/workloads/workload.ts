import type { Random } from '../../../src/base/random.ts';
import { SeededRandom } from '../../support/seeded-random.ts';
import { Client } from '../client.ts';
import type { SimRegion } from '../sim-region.ts';
import type { World } from '../world.ts';
import { pickFrom } from '../world-options.ts';

/** The table that every region has all the time, and the one whose replicas come and go. */
export const MAIN = 'main';
export const CHURN = 'churn';

/** What the clients of one kind do until they are told to stop. */
export interface Workload {
  readonly name: string;
  run(stage: Stage): Promise<void>;
}

/** Where a workload's clients work: a world, and when to stop. */
export class Stage {
  readonly world: World;
  readonly random: Random;
  isOver = false;
  #clients = 0;
  #values = 0;

  constructor(world: World) {
    this.world = world;
    this.random = new SeededRandom(world.seed ^ 0xc11e);
  }

  client(region: SimRegion): Client {
    this.#clients += 1;
    return new Client(this.world, region, `${region.name[0] ?? ''}${this.#clients}`);
  }

  /** Never the same twice. */
  value(client: Client): string {
    this.#values += 1;
    return `${client.name}.${this.#values}`;
  }

  pick<T>(choices: readonly T[]): T {
    return pickFrom(this.random, choices);
  }

  chance(chance: number): boolean {
    return this.random.next() < chance;
  }

  async think(times = 1): Promise<void> {
    const { clock, options } = this.world;
    await clock.sleep(1 + this.random.next() * 2 * options.thinkMs * times);
  }

  /** Several clients of each region, each doing `step` again and again. */
  async everywhere(count: number, step: (client: Client) => Promise<void>): Promise<void> {
    const loops = this.world.regions.flatMap((region) =>
      Array.from({ length: count }, async () => {
        const client = this.client(region);
        while (!this.isOver) {
          await this.think();
          await step(client);
        }
      }),
    );
    await Promise.all(loops);
  }
}
