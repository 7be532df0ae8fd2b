import { finite, flag, list, members, oneOf, optional, text } from '../base/shape.ts';
import {
  ZONE_NAMES,
  type ClockView,
  type CopyView,
  type NodeView,
  type OffsetView,
  type PartitionView,
  type PeerView,
  type StatusView,
  type ZoneView,
} from '../daemon/operations-target.ts';

const nodeName = oneOf(...ZONE_NAMES, 'here');

/** What `GET /status` answers. Throws `ShapeError`. */
export const statusShape = members<StatusView>({
  region: text,
  release: text,
  problems: list(text),
  nodes: list(
    members<NodeView>({
      zone: nodeName,
      state: text,
      isThisNode: flag,
      endpoint: optional(text),
      operations: optional(text),
    }),
  ),
  zones: list(members<ZoneView>({ zone: oneOf(...ZONE_NAMES), state: text })),
  partitions: list(
    members<PartitionView>({
      number: finite,
      leader: optional(nodeName),
      epoch: finite,
      committed: finite,
      first: finite,
      hashes: optional(text),
      parent: optional(finite),
      isSplitting: optional(flag),
      copies: list(
        members<CopyView>({
          zone: oneOf(...ZONE_NAMES),
          applied: optional(finite),
          state: text,
        }),
      ),
    }),
  ),
  replication: list(
    members<PeerView>({
      peer: text,
      shipping: text,
      lagSeconds: optional(finite),
      pendingRecords: optional(finite),
      pendingBytes: optional(finite),
    }),
  ),
  clock: members<ClockView>({
    alarm: optional(text),
    offsets: list(members<OffsetView>({ peer: text, offsetMs: finite, errorMs: finite })),
  }),
});
