import { SystemClock } from '../../src/daemon/system-clock.ts';
import { clockSuite } from '../suites/clock-suite.ts';

clockSuite('the system', () => {
  const clock = new SystemClock();
  return { clock, pass: async (ms) => clock.sleep(ms) };
});
