import { CLOCK_FAULTS } from './clock-faults.ts';
import type { Fault } from './fault.ts';
import { LINK_FAULTS } from './link-faults.ts';
import { NODE_FAULTS } from './node-faults.ts';
import { REGION_FAULTS } from './region-faults.ts';
import { SERVER_FAULTS } from './server-faults.ts';
import { SPLIT_FAULTS } from './split-faults.ts';

export const ALL_FAULTS: readonly Fault[] = [
  ...NODE_FAULTS,
  ...SERVER_FAULTS,
  ...SPLIT_FAULTS,
  ...LINK_FAULTS,
  ...REGION_FAULTS,
  ...CLOCK_FAULTS,
];
