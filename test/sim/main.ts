import { writeFileSync } from 'node:fs';
import { runWorld } from './run-world.ts';

const seed = Number(process.argv[2] ?? 1);
const count = Number(process.argv[3] ?? 1);
for (let at = seed; at < seed + count; at += 1) {
  const started = process.cpuUsage();
  const result = await runWorld(at, (phase) => {
    if (count === 1) process.stdout.write(`seed ${at} ${phase}\n`);
  });
  const ms = Math.round((process.cpuUsage(started).user + process.cpuUsage(started).system) / 1000);
  process.stdout.write(
    `${at} ${result.hash} ${result.violations.length === 0 ? 'ok' : 'FAILED'} ${ms} ms, ${Math.round(result.virtualMs / 1000)} s virtual, ${result.counts['acknowledged operation'] ?? 0} operations, ${result.journal.length} lines\n`,
  );
  const seen = new Set<string>();
  for (const violation of result.violations) {
    const checker = violation.slice(0, violation.indexOf(':'));
    if (!seen.has(checker)) process.stdout.write(`   ${violation.slice(0, 300)}\n`);
    seen.add(checker);
  }
  if (result.violations.length > 0) process.stdout.write(`   ${result.options}\n`);
  if (count === 1 || result.violations.length > 0) writeFileSync(`/tmp/sim-${at}.journal`, result.journal.join('\n'));
}
