import { present } from '../../src/base/assert.ts';
import { type Zone, ZONES } from '../../src/log/embedded/storage-node-identity.ts';
import { Client } from '../sim/client.ts';
import { DEFINITION } from '../sim/client-item.ts';
import { lentItem, TTL } from '../sim/expiring-table.ts';
import type { SavedRegion, SimRegion } from '../sim/sim-region.ts';
import { World } from '../sim/world.ts';

const TABLE = 'story';

/** How long a start, a replica or a zone may take, in the story's time. */
const PATIENCE_MS = 60_000;

/** Nobody but the story itself is at work, on good disks and clocks: only its seed's jitter is left. */
const STORY_SEED = 1;

/**
 * Plays a story: its indented lines are commands, each answered by an indented line that begins with `>`; all others are
 * for the reader. Resolves to the text with the answers that the world has given. Throws for a command it does not know.
 */
export async function play(text: string): Promise<string> {
  const story = new Story();
  const told = story.clock.runUntilSettled(tell(story, text.split('\n')));
  try {
    return (await told).join('\n');
  } finally {
    story.end();
  }
}

async function tell(story: Story, lines: readonly string[]): Promise<readonly string[]> {
  const told: string[] = [];
  for (const line of lines) {
    if (line.startsWith('    > ')) continue;
    told.push(line);
    if (!line.startsWith('    ')) continue;
    const answer = await story.do(line.trim().split(/\s+/));
    if (answer !== undefined) told.push(`    > ${answer}`);
  }
  return told;
}

type Command = (words: readonly string[]) => Promise<string | undefined>;

/** A world of three regions, `ashore`, `beach` and `cove`, each up to two seconds of wall clock apart from nobody. */
class Story {
  readonly #world = new World(STORY_SEED, (options) => ({
    ...options,
    regions: ['ashore', 'beach', 'cove'].map((name) => ({ name, partitions: 2, wallAheadMs: 0 })),
    faults: [],
    linkDelayMs: 30,
    jitterMs: 1,
    diskMs: 0.1,
    logSegmentBytes: 4000,
    retentionMs: 3_600_000,
    retentionBytes: 1_000_000_000,
    valueBytes: 10,
  }));
  readonly #saved = new Map<string, SavedRegion>();
  readonly #commands: Readonly<Record<string, Command>> = {
    start: async (names) => this.#start(names),
    table: async (names) => this.#table(names),
    put: async ([region, key, value]) => this.#write(region, key, value),
    delete: async ([region, key]) => this.#write(region, key, undefined),
    read: async ([region, key]) => this.#read(region, key),
    add: async ([region, key]) => this.#add(region, key),
    lend: async ([region, key, value, seconds]) => this.#lend(region, key, { value, seconds }),
    expire: async ([region, how]) => this.#expire(region, how),
    wait: async ([seconds]) => this.#wait(seconds),
    cut: async ([one, other]) => this.#setLink(one, other, false),
    mend: async ([one, other]) => this.#setLink(one, other, true),
    kill: async ([region, how]) => this.#kill(region, how),
    save: async ([region]) => this.#save(region),
    restore: async ([region]) => this.#restore(region),
    stop: async ([region, zone]) => this.#stopZone(region, zone),
    erase: async ([region, zone]) => this.#erase(region, zone),
    begin: async ([region, zone]) => this.#beginZone(region, zone),
    zones: async ([region]) => this.#zones(region),
    join: async ([region, by]) => this.#replica('create', region, by),
    leave: async ([region, by]) => this.#replica('delete', region, by),
    tombstones: async ([region]) => this.#tombstones(region),
    pending: async ([from, to]) => this.#pending(from, to),
    resyncs: async ([region]) => this.#resyncs(region),
    equal: async (regions) => this.#equal(regions),
  };

  get clock(): World['clock'] {
    return this.#world.clock;
  }

  end(): void {
    for (const region of this.#world.regions) region.kill('process');
  }

  async do([name, ...words]: readonly string[]): Promise<string | undefined> {
    const command = this.#commands[name ?? ''];
    if (command === undefined) throw new Error(`a story has no command ${name ?? ''}`);
    return command(words);
  }

  #region(name: string | undefined): SimRegion {
    return this.#world.region(present(name, 'the name of a region'));
  }

  #engine(name: string | undefined): NonNullable<SimRegion['running']>['engine'] {
    return present(this.#region(name).running, 'a region that runs').engine;
  }

  #client(name: string | undefined): Client {
    const region = this.#region(name);
    return new Client(this.#world, region, region.name);
  }

  async #until(what: string, holds: () => boolean): Promise<void> {
    const endMs = this.clock.monotonicMs() + PATIENCE_MS;
    while (!holds()) {
      if (this.clock.monotonicMs() > endMs) throw new Error(`waited in vain until ${what}`);
      await this.clock.sleep(50);
    }
  }

  async #start(names: readonly string[]): Promise<undefined> {
    const { linkDelayMs } = this.#world.options;
    for (const name of names) {
      const region = this.#region(name);
      for (const { name: other } of this.#world.regions)
        if (other !== name && !region.endpoint.links.get(other).delayMs)
          region.endpoint.links.set(other, { delayMs: linkDelayMs });
      void region.start();
    }
    await this.#until('the regions run', () =>
      names.every((name) => this.#region(name).running !== undefined),
    );
  }

  /** The first region makes the table, the others get replicas. */
  async #table([first, ...others]: readonly string[]): Promise<string> {
    await this.#engine(first).region.createTable(TABLE, DEFINITION);
    await this.#untilActive([first]);
    for (const other of others) await this.#replica('create', other, first);
    return `${TABLE} is ACTIVE`;
  }

  async #untilActive(names: readonly (string | undefined)[]): Promise<void> {
    await this.#until(`the table is ACTIVE in ${names.join(' and ')}`, () =>
      names.every(
        (name) => this.#region(name).running?.engine.region.findTable(TABLE)?.status === 'ACTIVE',
      ),
    );
  }

  async #replica(
    kind: 'create' | 'delete',
    name: string | undefined,
    by: string | undefined,
  ): Promise<string> {
    const region = present(name, 'the name of a region');
    await this.#engine(by).region.changeReplica(TABLE, { kind, region });
    const isMember = (): boolean =>
      this.#engine(by).core.catalogue.find(TABLE)?.global?.members[region]?.phase === 'active';
    const isGone = (): boolean =>
      this.#engine(by).core.catalogue.find(TABLE)?.global?.members[region] === undefined;
    await this.#until(
      `the replica in ${region} is there or gone`,
      kind === 'create' ? isMember : isGone,
    );
    await this.#untilActive([by]);
    return kind === 'create' ? `${region} has a replica` : `${region} has no replica`;
  }

  async #write(
    region: string | undefined,
    key: string | undefined,
    value: string | undefined,
  ): Promise<string> {
    const { outcome } = await this.#client(region).write(TABLE, present(key, 'a key'), value);
    return outcome.kind;
  }

  async #add(region: string | undefined, key: string | undefined): Promise<string> {
    const { outcome } = await this.#client(region).add(TABLE, present(key, 'a key'));
    return outcome.kind;
  }

  async #read(region: string | undefined, key: string | undefined): Promise<string> {
    const { outcome } = await this.#client(region).read(TABLE, present(key, 'a key'));
    return outcome.kind === 'read' ? (outcome.seen ?? 'nothing') : outcome.kind;
  }

  /** An item that ends so many seconds from now. */
  async #lend(
    region: string | undefined,
    key: string | undefined,
    { value, seconds }: { value: string | undefined; seconds: string | undefined },
  ): Promise<string> {
    const untilS = Math.floor(this.clock.wallMs() / 1000) + Number(seconds);
    const item = lentItem(present(key, 'a key'), { value: present(value, 'a value'), untilS });
    const { kind } = await this.#engine(region).region.write({
      table: this.#number(region),
      ...item,
    });
    return kind;
  }

  /** Turns expiry on, or `off`, as asked of that region. */
  async #expire(name: string | undefined, how: string | undefined): Promise<string> {
    const { region } = this.#engine(name);
    const enabled = how !== 'off';
    const { definition } = await region.updateTable(TABLE, {
      timeToLive: { enabled, attribute: TTL },
    });
    return definition.timeToLive?.enabled === true ? 'items expire' : 'items stay';
  }

  async #wait(seconds: string | undefined): Promise<undefined> {
    await this.clock.sleep(Number(present(seconds, 'a number of seconds')) * 1000);
    await this.clock.settle();
  }

  async #setLink(
    one: string | undefined,
    other: string | undefined,
    up: boolean,
  ): Promise<undefined> {
    const [a, b] = [this.#region(one), this.#region(other)];
    a.endpoint.links.set(b.name, { up });
    b.endpoint.links.set(a.name, { up });
  }

  async #kill(region: string | undefined, how: string | undefined): Promise<undefined> {
    this.#region(region).kill(how === 'power' ? 'power' : 'process');
  }

  async #save(region: string | undefined): Promise<undefined> {
    const saved = this.#region(region);
    this.#saved.set(saved.name, saved.save());
  }

  async #restore(name: string | undefined): Promise<undefined> {
    const region = this.#region(name);
    region.kill('power');
    region.restore(present(this.#saved.get(region.name), 'disks that were saved'));
    await this.#start([region.name]);
  }

  #zone(name: string | undefined): Zone {
    return present(
      ZONES.find((zone) => zone === name),
      'the name of a zone',
    );
  }

  async #stopZone(region: string | undefined, zone: string | undefined): Promise<undefined> {
    await this.#engine(region).core.zones.stopZone(this.#zone(zone));
  }

  async #erase(region: string | undefined, zone: string | undefined): Promise<undefined> {
    this.#region(region).eraseZone(this.#zone(zone));
  }

  async #beginZone(region: string | undefined, zone: string | undefined): Promise<undefined> {
    await this.#engine(region).core.zones.startZone(this.#zone(zone));
  }

  async #zones(region: string | undefined): Promise<string> {
    const { logs, zones } = this.#engine(region).core;
    return ZONES.map((zone) => `${zone} ${logs.zoneState(zone)}/${zones.state(zone)}`).join(', ');
  }

  #number(region: string | undefined): number {
    return present(this.#engine(region).core.catalogue.find(TABLE), 'the table').number;
  }

  async #tombstones(region: string | undefined): Promise<string> {
    const number = this.#number(region);
    const { partitions } = this.#engine(region).core;
    return String(partitions.reduce((sum, each) => sum + each.counters(number).tombstoneCount, 0));
  }

  async #pending(from: string | undefined, to: string | undefined): Promise<string> {
    const { peers } = this.#engine(from).links.status();
    const table = peers
      .find(({ peer }) => peer === to)
      ?.tables.find(({ table: name }) => name === TABLE);
    return table?.pending === undefined ? 'unknown' : `${table.pending.records} records`;
  }

  async #resyncs(region: string | undefined): Promise<string> {
    const { totals } = this.#region(region).metrics;
    return String(totals.get('tidemark_replication_resyncs_total') ?? 0);
  }

  async #equal(regions: readonly string[]): Promise<string> {
    const digests = regions.map((name) => {
      const { region } = this.#engine(name);
      return region.digest(present(region.findTable(TABLE), 'the table')).join('.');
    });
    return new Set(digests).size === 1 ? 'the same items' : 'different items';
  }
}
