/** How a metric behaves: a counter only rises, a gauge is computed when it is read, a histogram counts observations. */
export type MetricKind = 'counter' | 'gauge' | 'histogram';

/** What is exported. Durations are recorded in milliseconds and exported in seconds. */
export type MetricUnit = 'seconds' | 'bytes' | 'count' | 'flag';

export interface MetricDefinition {
  readonly kind: MetricKind;
  readonly unit: MetricUnit;
  readonly help: string;
  readonly labels: readonly string[];
  /** Upper bounds in the exported unit, rising; for histograms. */
  readonly buckets?: readonly number[];
}

/** 1 ms to 1 h: the latency of a link that is slow, and of one that was cut for a while. */
const REPLICATION_BUCKETS = [
  0.001, 0.0015, 0.002, 0.003, 0.004, 0.005, 0.007, 0.01, 0.015, 0.02, 0.03, 0.04, 0.06, 0.08, 0.1,
  0.15, 0.2, 0.3, 0.5, 1, 2, 5, 10, 30, 60, 300, 900, 3600,
] as const;

const REQUEST_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10,
] as const;

const APPEND_BUCKETS = [
  0.0001, 0.00025, 0.0005, 0.001, 0.002, 0.004, 0.008, 0.016, 0.032, 0.064, 0.128, 0.256, 0.512, 1,
  2, 5,
] as const;

const ENTRIES_BUCKETS = [1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1024] as const;

const BYTES_BUCKETS = [
  256, 1024, 4096, 16_384, 65_536, 131_072, 262_144, 524_288, 1_048_576, 4_194_304, 8_388_608,
] as const;

/** The closed catalogue: every metric that Tidemark exports. Recording anything else is a type error. */
export const METRICS = {
  tidemark_requests_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'Time from a request, read whole, to its answer, by operation and by "ok" or the error code.',
    labels: ['operation', 'code'],
    buckets: REQUEST_BUCKETS,
  },
  tidemark_log_append_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'Time from handing a group commit to the log until it is durable in two zones.',
    labels: [],
    buckets: APPEND_BUCKETS,
  },
  tidemark_log_sync_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: 'Time of one sync of one zone.',
    labels: ['zone'],
    buckets: APPEND_BUCKETS,
  },
  tidemark_log_group_commit_entries: {
    kind: 'histogram',
    unit: 'count',
    help: 'Entries, of all partitions, that one group commit carried.',
    labels: [],
    buckets: ENTRIES_BUCKETS,
  },
  tidemark_log_group_commit_bytes: {
    kind: 'histogram',
    unit: 'bytes',
    help: 'Bytes that one group commit added to the log of each zone.',
    labels: [],
    buckets: BYTES_BUCKETS,
  },
  tidemark_log_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    help: 'Size of the log on the disk of a zone.',
    labels: ['zone'],
  },
  tidemark_zone_applied_index: {
    kind: 'gauge',
    unit: 'count',
    help: 'Index of the last entry of a partition that the copy in a zone has applied.',
    labels: ['zone', 'partition'],
  },
  tidemark_zone_state: {
    kind: 'gauge',
    unit: 'flag',
    help: '1 for the state that a zone is in, 0 for the others.',
    labels: ['zone', 'state'],
  },
  tidemark_zone_rebuild_copied_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    help: 'What a rebuild of a copy has copied; no sample when none runs.',
    labels: ['zone', 'partition'],
  },
  tidemark_zone_rebuild_total_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    help: 'What a rebuild of a copy has to copy, as estimated at its start; no sample when none runs.',
    labels: ['zone', 'partition'],
  },
  tidemark_zone_rebuilds_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Copies that were rebuilt from another one.',
    labels: ['zone'],
  },
  tidemark_index_pending_entries: {
    kind: 'gauge',
    unit: 'count',
    help: "Entries of a partition's log that the global indexes have not taken yet; 0 while the region has none.",
    labels: ['partition'],
  },
  tidemark_expired_items_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Items that this region has removed because their time to live was over.',
    labels: ['table'],
  },
  tidemark_expiry_lag_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'For how long the oldest item found due could have been removed, and still stands; 0 while the sweep keeps up.',
    labels: [],
  },
  tidemark_replication_lag_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'By the source: age, from its commit on, of the oldest record not known to be applied in the target; 0 when nothing is pending.',
    labels: ['source', 'target', 'table'],
  },
  tidemark_replication_pending_records: {
    kind: 'gauge',
    unit: 'count',
    help: 'By the source: records not known to be applied in the target.',
    labels: ['source', 'target', 'table'],
  },
  tidemark_replication_pending_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    help: 'By the source: bytes of records not known to be applied in the target.',
    labels: ['source', 'target', 'table'],
  },
  tidemark_replication_latency_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: "By the target: its time when a record was durable less the time of its commit in the source, corrected by the measured clock offset; where the commit's time is not known, less the version's, which is earlier.",
    labels: ['source', 'target'],
    buckets: REPLICATION_BUCKETS,
  },
  tidemark_replication_write_age_seconds: {
    kind: 'histogram',
    unit: 'seconds',
    help: "By the target: how old a write was when it was durable there, counted from its version's time, which is before its commit in the source. No lag: the source's own commit is in it.",
    labels: ['source', 'target'],
    buckets: REPLICATION_BUCKETS,
  },
  tidemark_replication_latency_clamped_seconds_total: {
    kind: 'counter',
    unit: 'seconds',
    help: 'By how much latencies were below zero, and were recorded as zero, because clocks cannot be measured exactly.',
    labels: ['source', 'target'],
  },
  tidemark_replication_shipped_records_total: {
    kind: 'counter',
    unit: 'count',
    help: 'By the source: records that the target has acknowledged.',
    labels: ['source', 'target'],
  },
  tidemark_replication_shipped_bytes_total: {
    kind: 'counter',
    unit: 'bytes',
    help: 'By the source: bytes of records that the target has acknowledged.',
    labels: ['source', 'target'],
  },
  tidemark_replication_received_records_total: {
    kind: 'counter',
    unit: 'count',
    help: 'By the target: records received, redelivered ones included.',
    labels: ['source', 'target'],
  },
  tidemark_replication_conflicts_total: {
    kind: 'counter',
    unit: 'count',
    help: 'By the target: writes that lost to one from another region that had not seen them.',
    labels: ['source', 'target', 'table', 'winner'],
  },
  tidemark_replication_alarms_total: {
    kind: 'counter',
    unit: 'count',
    help: 'By the target: records with the version of the one that stands here and other bytes: a clock or a disk has lied.',
    labels: ['source', 'target', 'table'],
  },
  tidemark_replication_resyncs_total: {
    kind: 'counter',
    unit: 'count',
    help: 'By the source: resyncs that were begun towards the target.',
    labels: ['source', 'target'],
  },
  tidemark_replication_bootstrap_items: {
    kind: 'gauge',
    unit: 'count',
    help: 'By the target: items that a running bootstrap or resync has received; no sample when none runs.',
    labels: ['source', 'target', 'table'],
  },
  tidemark_replication_bootstrap_total_items: {
    kind: 'gauge',
    unit: 'count',
    help: 'By the target: items that a running bootstrap or resync expects, as estimated at its start.',
    labels: ['source', 'target', 'table'],
  },
  tidemark_link_up: {
    kind: 'gauge',
    unit: 'flag',
    help: 'Whether the link from this region to a peer is up.',
    labels: ['peer'],
  },
  tidemark_link_delay_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'Delay that is set on the link from this region to a peer.',
    labels: ['peer'],
  },
  tidemark_nats_connected: {
    kind: 'gauge',
    unit: 'flag',
    help: 'Whether this daemon is connected to the NATS of a region, its own included.',
    labels: ['region'],
  },
  tidemark_nats_reconnects_total: {
    kind: 'counter',
    unit: 'count',
    help: 'How often the connection to the NATS of a region was lost, to be made anew.',
    labels: ['region'],
  },
  tidemark_clock_offset_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: "A peer's clock less this region's, as measured; no sample before the first measurement.",
    labels: ['peer'],
  },
  tidemark_clock_offset_error_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'Bound of the error of the measured offset.',
    labels: ['peer'],
  },
  tidemark_clock_believed: {
    kind: 'gauge',
    unit: 'flag',
    help: '1 while the wall clock is believed, 0 while time goes on by the monotonic clock.',
    labels: [],
  },
  tidemark_trigger_lag_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'Age of the oldest record that a trigger has read and not handled; where none is and it cannot read, the time since it could; else 0.',
    labels: ['trigger', 'table'],
  },
  tidemark_trigger_pending_records: {
    kind: 'gauge',
    unit: 'count',
    help: 'Records that a trigger has read and not handled. It reads no further while they take 16 MB.',
    labels: ['trigger', 'table'],
  },
  tidemark_trigger_handled_records_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Records that the consumer of a trigger took, redelivered ones included.',
    labels: ['trigger', 'table'],
  },
  tidemark_trigger_filtered_records_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Records that a trigger passed over: none of its filters matches, or they are older than its beginning.',
    labels: ['trigger', 'table'],
  },
  tidemark_trigger_invocations_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Batches that a trigger handed over, by outcome: "ok", "partial", "failed" or "unreachable".',
    labels: ['trigger', 'table', 'outcome'],
  },
  tidemark_trigger_given_up_records_total: {
    kind: 'counter',
    unit: 'count',
    help: 'Records that a trigger gave up, by condition: "RetryAttemptsExhausted" or "RecordAgeExceeded".',
    labels: ['trigger', 'table', 'condition'],
  },
  tidemark_process_resident_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    help: 'Resident memory of the process, which may run several regions.',
    labels: [],
  },
  tidemark_process_heap_used_bytes: {
    kind: 'gauge',
    unit: 'bytes',
    help: 'JavaScript heap in use.',
    labels: [],
  },
  tidemark_process_cpu_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'Processor time that the process has used, in user and system mode.',
    labels: [],
  },
  tidemark_process_event_loop_delay_seconds: {
    kind: 'gauge',
    unit: 'seconds',
    help: 'Delay of the event loop since the last scrape, by quantile: "0.5", "0.99" or "1".',
    labels: ['quantile'],
  },
} as const satisfies Readonly<Record<string, MetricDefinition>>;

type Catalogue = typeof METRICS;
export type MetricName = keyof Catalogue;

type NameOf<Kind extends MetricKind> = {
  [Name in MetricName]: Catalogue[Name]['kind'] extends Kind ? Name : never;
}[MetricName];

export type CounterName = NameOf<'counter'>;
export type GaugeName = NameOf<'gauge'>;
export type HistogramName = NameOf<'histogram'>;

/** Exactly the labels of a metric, each a string. */
export type LabelsOf<Name extends MetricName> = Readonly<
  Record<Catalogue[Name]['labels'][number], string>
>;

type IsDuration<Name extends MetricName> = Catalogue[Name]['unit'] extends 'seconds' ? true : false;

/** A counter with its labels. Keep it where it is used often. `add` takes a finite number, not negative. */
export type CounterOf<Name extends CounterName> =
  IsDuration<Name> extends true ? { addMs(ms: number): void } : { add(amount: number): void };

/** A histogram with its labels. Keep it where it is used often. */
export type HistogramOf<Name extends HistogramName> =
  IsDuration<Name> extends true
    ? { observeMs(ms: number): void }
    : { observe(value: number): void };

/** One sample of a gauge. */
export type SampleOf<Name extends GaugeName> = {
  readonly labels: LabelsOf<Name>;
} & (IsDuration<Name> extends true ? { readonly valueMs: number } : { readonly value: number });

/** Where a region's numbers go. One for each region, also when one process runs several. */
export interface Metrics {
  /** The same object for the same labels; below a microsecond once it exists. */
  counter<Name extends CounterName>(name: Name, labels: LabelsOf<Name>): CounterOf<Name>;
  histogram<Name extends HistogramName>(name: Name, labels: LabelsOf<Name>): HistogramOf<Name>;
  /**
   * Asks `collect` whenever the gauge is read; what it does not yield has no sample. Several may stand behind
   * one gauge, with labels of their own. The function that is returned takes it off again.
   */
  gauge<Name extends GaugeName>(name: Name, collect: () => Iterable<SampleOf<Name>>): () => void;
}
