import { faultSuite } from './faults/fault-suite.ts';
import { SPLIT_FAULTS } from './faults/split-faults.ts';

await faultSuite('splits under load with real processes', SPLIT_FAULTS);
