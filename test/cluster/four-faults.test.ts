import { present } from '../../src/base/assert.ts';
import { ALL_FAULTS } from './faults/all-faults.ts';
import { faultSuite } from './faults/fault-suite.ts';

/** `npm run test:cluster` plays all that there are. */
const FOUR = ['kill-leader', 'kill-server', 'cut-link', 'kill-everything'].map((name) =>
  present(
    ALL_FAULTS.find((fault) => fault.name === name),
    name,
  ),
);

await faultSuite('under load with real processes', FOUR);
