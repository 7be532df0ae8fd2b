import { access, constants, stat } from 'node:fs/promises';
import { dirname } from 'node:path';

import { unreachable } from '../base/assert.ts';
import type { Clock } from '../base/clock.ts';
import type { Logger } from '../telemetry/logger.ts';
import type {
  DeadLetterAddress,
  DeadLetters,
  TargetAddress,
  TargetMaker,
  TargetSettings,
  TriggerTarget,
} from '../triggers/trigger-target.ts';
import type { RegionConfig } from './config.ts';
import { DeadLetterFile } from './dead-letter-file.ts';
import { HandlerProcesses } from './handler-processes.ts';
import { NatsDeadLetters, NatsTarget, TriggerNats } from './nats-target.ts';
import { UrlTarget } from './url-target.ts';

export interface TriggerTargetsOptions {
  readonly config: RegionConfig;
  readonly clock: Clock;
  readonly logger: Logger;
}

/** What the triggers of a region write to, in the world as it is. */
export class TriggerTargets implements TargetMaker {
  readonly #options: TriggerTargetsOptions;
  readonly #nats: TriggerNats | undefined;

  constructor(options: TriggerTargetsOptions) {
    this.#options = options;
    const { config, clock } = options;
    const name = `${config.region}: triggers`;
    this.#nats =
      config.nats === undefined ? undefined : new TriggerNats({ access: config.nats, name, clock });
  }

  target({ trigger, address, memoryMb, processes }: TargetSettings): TriggerTarget {
    const { config, logger } = this.#options;
    const { region, accountId } = config;
    switch (address.kind) {
      case 'url':
        return new UrlTarget(address.url);
      case 'nats':
        return new NatsTarget(this.#natsOf(), address.subject);
      case 'module':
        return new HandlerProcesses({
          file: address.file,
          region,
          functionName: trigger,
          functionArn: `arn:aws:lambda:${region}:${accountId}:function:${trigger}`,
          memoryMb,
          processesMax: processes,
          logger: logger.child({ trigger }),
        });
      default:
        return unreachable(address);
    }
  }

  deadLetters(address: DeadLetterAddress): DeadLetters {
    return address.kind === 'file'
      ? new DeadLetterFile(address.file)
      : new NatsDeadLetters(this.#natsOf(), address.subject);
  }

  async problemOf(address: TargetAddress | DeadLetterAddress): Promise<string | undefined> {
    switch (address.kind) {
      case 'url':
        return undefined;
      case 'nats':
        return this.#nats === undefined
          ? `${this.#options.config.region} has no NATS: nats.servers is not set`
          : undefined;
      case 'module':
        return (await isFile(address.file))
          ? undefined
          : `there is no file ${address.file} ${this.#here}`;
      case 'file':
        return (await isWritable(dirname(address.file)))
          ? undefined
          : `there is no folder ${dirname(address.file)} ${this.#here} that can be written to`;
      default:
        return unreachable(address);
    }
  }

  /** Whoever asked may have asked another node. */
  get #here(): string {
    const { node } = this.#options.config;
    return node === undefined ? 'here' : `on node ${node.zone}, where triggers run now`;
  }

  async stop(): Promise<void> {
    await this.#nats?.stop();
  }

  #natsOf(): TriggerNats {
    if (this.#nats !== undefined) return this.#nats;
    // The region had a NATS when the trigger was made: it fails until it has one again.
    const { clock } = this.#options;
    return new TriggerNats({ access: { servers: [] }, name: 'no NATS', clock });
  }
}

async function isFile(path: string): Promise<boolean> {
  try {
    return (await stat(path)).isFile();
  } catch {
    return false;
  }
}

async function isWritable(folder: string): Promise<boolean> {
  try {
    await access(folder, constants.W_OK);
    return (await stat(folder)).isDirectory();
  } catch {
    return false;
  }
}
