import {
  dictionary,
  finite,
  flag,
  list,
  members,
  oneOf,
  optional,
  tagged,
  text,
  type Shape,
} from '../base/shape.ts';
import type { SubjectName } from '../bus/subjects.ts';
import {
  MEMBER_PHASES,
  type Debt,
  type GlobalTable,
  type Member,
  type TableDefinition,
} from '../model/table.ts';
import { tableChangeShape, type SharedTableChange } from './change-wire.ts';
import { definitionShape, overridesShape } from './definition-shape.ts';
import type { ReplicaChange } from './region.ts';

/**
 * What regions say to each other about global tables: JSON, one request and one answer per subject `control.*`.
 * Requests can be repeated: each says what should be, not what to do next.
 */

/** `control.change`: a member asks the home for a change. */
export interface ChangeRequest {
  readonly globalId: string;
  readonly change: ReplicaChange;
  /** Where the client asked: the source of a new replica. */
  readonly askedIn: string;
}

/** The state after the change, or DynamoDB's refusal. */
export type ChangeAnswer =
  | {
      readonly kind: 'changed';
      readonly global: GlobalTable;
      readonly definition: TableDefinition;
    }
  | {
      readonly kind: 'refused';
      readonly code: string;
      readonly message: string;
      readonly status: number;
    };

/** `control.update`: a member asks the home for a change of what all replicas share. */
export interface UpdateRequest {
  readonly globalId: string;
  readonly change: SharedTableChange;
}

/** What the table is then, or DynamoDB's refusal. */
export type UpdateAnswer =
  | { readonly kind: 'changed'; readonly state: TableState }
  | Extract<ChangeAnswer, { kind: 'refused' }>;

/** `control.probe`: the home asks a region that is to get a replica. */
export interface ProbeRequest {
  readonly name: string;
}

/** Whether a table of that name is there already. */
export interface ProbeAnswer {
  readonly exists: boolean;
  /** Whether that table is protected against deletion there. Absent means no. */
  readonly isProtected?: boolean | undefined;
}

/** `control.table`: the state of a global table, for a member to take over, create or delete by. */
export interface TableState {
  readonly name: string;
  readonly globalId: string;
  readonly definition: TableDefinition;
  readonly global: GlobalTable;
}

export interface StateAnswer {
  /** The state that the member holds now; undefined when it has no such table (any more). */
  readonly holds: GlobalTable | undefined;
  /** What goes with `holds`. */
  readonly definition: TableDefinition | undefined;
  /** Per log of the member, the end when it held the state: what later writes come after. */
  readonly ends: readonly number[];
  /** Per region, the time up to which everything that it made is applied here. */
  readonly watermarks: Readonly<Record<string, number>>;
  /** Regions that have not acknowledged everything that this member made up to `ends`. */
  readonly undrained: readonly string[];
  /** Regions of which this member does not know yet that they stand in its logs: `ends` say nothing of what they have. */
  readonly unplaced: readonly string[];
}

/** `control.scan`: asks a member to send a copy, or says how far that is. Repeating it starts nothing twice. */
export interface ScanRequest {
  readonly globalId: string;
  readonly target: string;
  /** Names the job: the same ticket finds it again, another one is another job. */
  readonly ticket: string;
  /** What the sender must have received, per origin region and log, before it scans. */
  readonly awaits: Readonly<Record<string, readonly number[]>>;
  /** Send only what this region made after this time; everything when undefined. */
  readonly only: { readonly origin: string; readonly after: number } | undefined;
  /** The asker is on an old disk: it removes what the copy lacks though the sender had heard of it. */
  readonly authoritative: boolean;
}

export interface ScanAnswer {
  /** `unknown`: the asked region has no such table, and so nothing of it. */
  readonly state: 'running' | 'done' | 'unknown';
  readonly items: number;
}

/** `control.compare`: what a member holds of the global tables that it shares with the asked region. */
export interface CompareRequest {
  readonly tables: readonly {
    readonly globalId: string;
    readonly term: number;
    readonly revision: number;
    readonly home: string;
    /** See `paidTo`. Undefined when nothing is said of it. */
    readonly paid?: number;
  }[];
}

export interface CompareAnswer {
  /** States that are later than the asker's; one in which it is no member tells it so. */
  readonly newer: readonly TableState[];
  /** Global ids of asked tables that the asked region has as tables of its own, without any other member, or has deleted. */
  readonly apart: readonly string[];
  /** Global ids of asked tables that the asked region has never heard of. */
  readonly unknown: readonly string[];
}

/** The state of a global table, as regions send it to each other and keep it. */
const memberShape: Shape<Member> = members<Member>({
  tableId: text,
  phase: oneOf(...MEMBER_PHASES),
  source: text,
  addedAtMs: finite,
  missed: finite,
  overrides: optional(overridesShape),
});
const debtShape = members<Debt>({
  to: text,
  term: finite,
  revision: finite,
  isBack: optional(flag),
});
export const globalShape: Shape<GlobalTable> = members({
  home: text,
  term: finite,
  revision: finite,
  members: dictionary(memberShape),
  debts: list(debtShape),
});
export const tableStateShape: Shape<TableState> = members({
  name: text,
  globalId: text,
  definition: definitionShape,
  global: globalShape,
});
const changeShape: Shape<ReplicaChange> = tagged<ReplicaChange>({
  create: members({ kind: oneOf('create'), region: text, overrides: optional(overridesShape) }),
  update: members({ kind: oneOf('update'), region: text, overrides: overridesShape }),
  delete: members({ kind: oneOf('delete'), region: text }),
});

const refusedShape: Shape<Extract<ChangeAnswer, { kind: 'refused' }>> = members({
  kind: oneOf('refused'),
  code: text,
  message: text,
  status: finite,
});

/** What is asked and answered on each subject. */
export const CONTROL = {
  'control.change': {
    request: members<ChangeRequest>({ globalId: text, change: changeShape, askedIn: text }),
    answer: tagged<ChangeAnswer>({
      changed: members({
        kind: oneOf('changed'),
        global: globalShape,
        definition: definitionShape,
      }),
      refused: refusedShape,
    }),
  },
  'control.update': {
    request: members<UpdateRequest>({ globalId: text, change: tableChangeShape }),
    answer: tagged<UpdateAnswer>({
      changed: members({ kind: oneOf('changed'), state: tableStateShape }),
      refused: refusedShape,
    }),
  },
  'control.probe': {
    request: members<ProbeRequest>({ name: text }),
    answer: members<ProbeAnswer>({ exists: flag, isProtected: optional(flag) }),
  },
  'control.table': {
    request: tableStateShape,
    answer: members<StateAnswer>({
      holds: optional(globalShape),
      definition: optional(definitionShape),
      ends: list(finite),
      watermarks: dictionary(finite),
      undrained: list(text),
      unplaced: list(text),
    }),
  },
  'control.takeover': { request: tableStateShape, answer: globalShape },
  'control.scan': {
    request: members<ScanRequest>({
      globalId: text,
      target: text,
      ticket: text,
      awaits: dictionary(list(finite)),
      only: optional(members({ origin: text, after: finite })),
      authoritative: flag,
    }),
    answer: members<ScanAnswer>({ state: oneOf('running', 'done', 'unknown'), items: finite }),
  },
  'control.compare': {
    request: members<CompareRequest>({
      tables: list(
        members<CompareRequest['tables'][number]>({
          globalId: text,
          term: finite,
          revision: finite,
          home: text,
          paid: optional(finite),
        }),
      ),
    }),
    answer: members<CompareAnswer>({
      newer: list(tableStateShape),
      apart: list(text),
      unknown: list(text),
    }),
  },
} as const satisfies Readonly<Record<string, { request: Shape<unknown>; answer: Shape<unknown> }>>;

export type ControlSubject = keyof typeof CONTROL & SubjectName;
export type RequestOf<Subject extends ControlSubject> = ReturnType<
  (typeof CONTROL)[Subject]['request']
>;
export type AnswerOf<Subject extends ControlSubject> = ReturnType<
  (typeof CONTROL)[Subject]['answer']
>;

export const encodeControl = (message: unknown): Uint8Array => Buffer.from(JSON.stringify(message));

/** Throws `ShapeError` for what is of another shape. */
export const decodeControl = <T>(shape: Shape<T>, payload: Uint8Array): T =>
  shape(JSON.parse(Buffer.from(payload).toString('utf8')), 'message');
