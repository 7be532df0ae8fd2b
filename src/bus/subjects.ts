/**
 * The version of everything that regions say to each other: subjects carry it, so that two versions never
 * read each other's messages by accident.
 *
 * - 1: the first.
 */
export const WIRE_VERSION = 1;

/** Every subject, by name, with what is asked on it. A region serves each under its own name. */
export const SUBJECTS = {
  'replication.hello': 'opens an outbox: log, epoch, index and checksum of what the target has',
  'replication.ship':
    'a batch of records of one log, (from, to], with the partition time at its end',
  'replication.batches': 'several such batches in one message, answered one by one in one answer',
  'replication.advance': 'to move the time of idle partitions, so that tombstones elsewhere can go',
  'replication.scan': 'one page of a table with versions and tombstones, for bootstrap and resync',
  'replication.position': 'where a log of the asked region stands, for bootstrap',
  'replication.vector':
    'up to when the asked region has applied what each made, and what is unsettled',
  'replication.digest': 'the digests of the tables that two regions share',
  'clock.read': 'the wall time of the asked region, for measuring offsets',
  'control.change': 'a change of a global table, for its home region to order',
  'control.update': 'a change of what the replicas of a table share, for its home region to order',
  'control.probe': 'whether a table of a name is there, before a replica is made',
  'control.table': 'the state of a global table, for a member to take over',
  'control.scan': 'to send a copy of a table to a member, and how far that is',
  'control.compare': 'which of the shared global tables have a newer state, or are shared no more',
  'control.takeover': 'to become the home of a global table whose home leaves it',
} as const satisfies Readonly<Record<string, string>>;

/** What the nodes of one region ask each other. Each serves it under its zone. */
export const NODE_SUBJECTS = {
  'node.report': 'how a node is: what it leads, and how far its copies are',
  'node.call':
    'to carry out, as the leader of a partition, what changes it; or up to where a strong read must have applied',
  'node.control': "to change a table, as the node that has the region's seat",
  'node.split': "to split a partition, as the node that has the region's seat",
  'node.trigger': "to show or change triggers, as the node that has the region's seat",
  'node.copy': 'one page of a copy, for a node whose own cannot be had from the log',
  'node.stand': 'where a copy stands, and what is wrong with its log',
} as const satisfies Readonly<Record<string, string>>;

export type NodeSubjectName = keyof typeof NODE_SUBJECTS;

/** `tidemark.v1.us-east-1.node.a.node.call`: what the node in `zone` serves, and the other nodes of its region ask it on. */
export const nodeSubjectOf = (region: string, zone: string, name: NodeSubjectName): string =>
  `tidemark.v${WIRE_VERSION}.${region}.node.${zone}.${name}`;

export type SubjectName = keyof typeof SUBJECTS;

/** `tidemark.v1.us-east-1.replication.ship`: what `region` serves, and others ask it on. */
export const subjectOf = (region: string, name: SubjectName): string =>
  `tidemark.v${WIRE_VERSION}.${region}.${name}`;

/**
 * What a daemon answers whatever version it speaks, so it never changes: an empty request, and the JSON text
 * `{"release":"0.1.0","wireVersions":[1]}`, members of later releases added.
 */
export const helloSubjectOf = (region: string): string => `tidemark.hello.${region}`;
