import { SystemRandom } from '../../src/daemon/system-random.ts';
import { randomSuite } from '../suites/random-suite.ts';

randomSuite('the system', () => new SystemRandom());
