#!/usr/bin/env node
import { unreachable } from '../base/assert.ts';
import { release } from '../daemon/release.ts';
import { SystemClock } from '../daemon/system-clock.ts';
import type { Invocation } from './command-line.ts';
import { parseCommandLine } from './command-line.ts';
import { helpText } from './command-table.ts';
import { EXIT } from './exit-code.ts';
import { exitCodeFor, failureText } from './failure-text.ts';
import { Shutdown } from './shutdown.ts';

/** How long the process may take to end by itself once its command is done. */
const LINGER_MS = 500;

/** Commands are loaded when they are asked for: `--help` needs none of them, and only the demo its packages. */
async function run(invocation: Invocation): Promise<number> {
  switch (invocation.kind) {
    case 'help':
      process.stdout.write(helpText(invocation.command));
      if (invocation.command === 'serve') {
        const { configHelp } = await import('../daemon/config-text.ts');
        process.stdout.write(`\n${configHelp()}\n`);
      }
      return EXIT.ok;
    case 'version':
      process.stdout.write(`${release()}\n`);
      return EXIT.ok;
    case 'lab': {
      const { runLab } = await import('./lab.ts');
      return runLab(invocation.options, createShutdown());
    }
    case 'serve': {
      const { runServe } = await import('./serve.ts');
      return runServe(invocation.options, createShutdown());
    }
    case 'demo': {
      const { runDemo } = await import('./demo.ts');
      return runDemo(invocation.options, { shutdown: createShutdown() });
    }
    case 'status': {
      const { runStatus } = await import('./status.ts');
      return runStatus(invocation.options);
    }
    case 'leader move': {
      const { moveLeader } = await import('./node-changes.ts');
      process.stdout.write(`${await moveLeader(invocation.options, process.env)}\n`);
      return EXIT.ok;
    }
    case 'partition split': {
      const { splitPartition } = await import('./node-changes.ts');
      process.stdout.write(`${await splitPartition(invocation.options, process.env)}\n`);
      return EXIT.ok;
    }
    case 'node drain': {
      const { drainNode } = await import('./node-changes.ts');
      process.stdout.write(`${await drainNode(invocation.options, process.env)}\n`);
      return EXIT.ok;
    }
    case 'trigger create':
    case 'trigger update':
    case 'trigger list':
    case 'trigger describe':
    case 'trigger pause':
    case 'trigger resume':
    case 'trigger delete':
      process.stdout.write(await runTrigger(invocation));
      return EXIT.ok;
    default:
      return unreachable(invocation);
  }
}

async function runTrigger(
  invocation: Extract<Invocation, { readonly kind: `trigger ${string}` }>,
): Promise<string> {
  const { changeTrigger, createTrigger, describeTrigger, listTriggers, updateTrigger } =
    await import('./trigger.ts');
  switch (invocation.kind) {
    case 'trigger create':
      return createTrigger(invocation.options, process.env);
    case 'trigger update':
      return updateTrigger(invocation.options, process.env);
    case 'trigger list':
      return listTriggers(invocation.options);
    case 'trigger describe':
      return describeTrigger(invocation.options);
    case 'trigger pause':
      return changeTrigger('pause', invocation.options, process.env);
    case 'trigger resume':
      return changeTrigger('resume', invocation.options, process.env);
    case 'trigger delete':
      return changeTrigger('delete', invocation.options, process.env);
    default:
      return unreachable(invocation);
  }
}

function createShutdown(): Shutdown {
  const clock = new SystemClock();
  const shutdown = new Shutdown({
    now: () => clock.monotonicMs(),
    exit: (code) => process.exit(code),
  });
  shutdown.listen();
  return shutdown;
}

function fail(error: unknown): number {
  process.stderr.write(`${failureText(error)}\n`);
  return exitCodeFor(error);
}

process.on('uncaughtException', (error) => {
  fail(error);
  process.exit(EXIT.failed);
});

try {
  process.exitCode = await run(parseCommandLine(process.argv.slice(2)));
} catch (error) {
  process.exitCode = fail(error);
}
setTimeout(() => process.exit(), LINGER_MS).unref();
