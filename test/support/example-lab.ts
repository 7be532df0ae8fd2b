import type { LabState, RegionState } from '../../src/cli/lab-state.ts';
import type { ZoneName } from '../../src/daemon/operations-target.ts';

const zones = (...states: readonly [string, string, string]): RegionState['zones'] => {
  const names: readonly ZoneName[] = ['a', 'b', 'c'];
  return states.map((state, at) => ({ zone: names[at] ?? 'a', state }));
};

/** Two regions: one with a zone down and a slow link, one stopped, with its link cut. */
export const exampleLab: LabState = {
  regions: [
    {
      region: 'east',
      endpoint: 'http://127.0.0.1:8001',
      running: true,
      ready: true,
      zones: zones('live', 'catching-up', 'stopped'),
    },
    {
      region: 'west',
      endpoint: 'http://127.0.0.1:8002',
      running: false,
      ready: false,
      zones: zones('stopped', 'stopped', 'stopped'),
    },
  ],
  pairs: [
    {
      source: 'east',
      target: 'west',
      up: true,
      delayMs: 80,
      shipping: 'streaming',
      lagMs: 1234,
      pendingRecords: 56,
      recordsPerSecond: 99.6,
      conflicts: 3,
    },
    {
      source: 'west',
      target: 'east',
      up: false,
      delayMs: 0,
      shipping: '',
      lagMs: undefined,
      pendingRecords: undefined,
      recordsPerSecond: 0,
      conflicts: 0,
    },
  ],
};
