import { basename } from 'node:path';
import type { Reporter, TestCase, TestModule } from 'vitest/node';

interface Count {
  passed: number;
  failed: number;
  skipped: number;
}

/** Prints what failed, and then per operation (a file of tests) how many tests ran, passed and failed. */
export default class OperationReporter implements Reporter {
  onTestRunEnd(modules: readonly TestModule[]): void {
    const counts = new Map<string, Count>();
    for (const module of modules) {
      const count = { passed: 0, failed: 0, skipped: 0 };
      for (const test of module.children.allTests()) this.#add(test, count);
      // A file that does not even load has no tests.
      if (module.errors().length > 0) count.failed += 1;
      for (const { message } of module.errors()) say(`${module.moduleId}: ${message}`);
      counts.set(basename(module.moduleId, '.test.ts'), count);
    }
    const rows = [...counts].toSorted(([one], [other]) => one.localeCompare(other));
    const width = Math.max(...rows.map(([name]) => name.length), 'operation'.length);
    const line = (name: string, cells: readonly (number | string)[]): boolean =>
      say([name.padEnd(width), ...cells.map((cell) => String(cell).padStart(7))].join(' '));
    line('operation', ['tests', 'passed', 'failed', 'skipped']);
    for (const [name, { passed, failed, skipped }] of [...rows, ['total', total(rows)] as const])
      line(name, [passed + failed + skipped, passed, failed, skipped]);
  }

  #add(test: TestCase, count: Count): void {
    const { state, errors } = test.result();
    if (state === 'passed') count.passed += 1;
    else if (state === 'failed') count.failed += 1;
    else count.skipped += 1;
    if (state !== 'failed') return;
    say(`FAILED ${basename(test.module.moduleId, '.test.ts')}: ${test.fullName}`);
    for (const { message } of errors) say(`  ${message}`);
  }
}

const say = (line: string): boolean => process.stdout.write(`${line}\n`);

function total(rows: readonly (readonly [string, Count])[]): Count {
  const sum = (member: keyof Count): number =>
    rows.reduce((all, [, count]) => all + count[member], 0);
  return { passed: sum('passed'), failed: sum('failed'), skipped: sum('skipped') };
}
