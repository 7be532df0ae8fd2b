import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';

import { expect, onTestFinished, test } from 'vitest';

import { HandlerProcesses } from '../../src/daemon/handler-processes.ts';
import type { InvocationOutcome } from '../../src/triggers/trigger-target.ts';
import { MemoryLogger } from '../support/memory-logger.ts';
import { until } from '../support/until.ts';

interface Started {
  readonly logger: MemoryLogger;
  readonly invoke: (
    event?: object,
    timeoutMs?: number,
    signal?: AbortSignal,
  ) => Promise<InvocationOutcome>;
  readonly stop: () => Promise<void>;
  readonly file: string;
}

async function started(
  code: string,
  { name = 'handler.mjs', processesMax = 1, memoryMb = 128 } = {},
): Promise<Started> {
  const folder = await mkdtemp(join(tmpdir(), 'tidemark-handler-'));
  const file = join(folder, name);
  await writeFile(file, code);
  const logger = new MemoryLogger();
  const functionArn = 'arn:aws:lambda:us-east-1:000000000000:function:t';
  const processes = new HandlerProcesses({
    file,
    region: 'us-east-1',
    functionName: 't',
    functionArn,
    memoryMb,
    processesMax,
    logger,
  });
  onTestFinished(async () => {
    await processes.stop();
    await rm(folder, { recursive: true, force: true });
  });
  let number = 0;
  return {
    logger,
    file,
    invoke: async (
      event = { Records: [] },
      timeoutMs = 20_000,
      signal = new AbortController().signal,
    ) => {
      number += 1;
      const requestId = `request-${number}`;
      return processes.invoke({ requestId, event: JSON.stringify(event), timeoutMs, signal });
    },
    stop: async () => processes.stop(),
  };
}

const failedWith = (words: RegExp): object => ({
  kind: 'failed',
  functionError: 'Unhandled',
  statusCode: 200,
  words: expect.stringMatching(words),
});

test('a handler gets the event and the context of a function, and its answer comes back', async () => {
  const { invoke } = await started(`
    export const handler = async (event, context) => ({
      event, context, left: context.getRemainingTimeInMillis(), region: process.env.AWS_REGION,
      canSend: typeof process.send, secrets: Object.keys(process.env).filter((name) => name.startsWith('TIDEMARK_')),
    });
  `);
  process.env['TIDEMARK_TEST_SECRET'] = 'secret';
  onTestFinished(() => {
    delete process.env['TIDEMARK_TEST_SECRET'];
  });
  const outcome = await invoke({ Records: [{ eventID: '1' }] });
  expect(outcome).toEqual({
    kind: 'answered',
    payload: {
      event: { Records: [{ eventID: '1' }] },
      context: {
        callbackWaitsForEmptyEventLoop: true,
        functionName: 't',
        functionVersion: '$LATEST',
        invokedFunctionArn: 'arn:aws:lambda:us-east-1:000000000000:function:t',
        memoryLimitInMB: '128',
        awsRequestId: 'request-1',
        logGroupName: '/aws/lambda/t',
        logStreamName: expect.stringMatching(/^tidemark\/\d+$/u),
      },
      left: expect.any(Number),
      region: 'us-east-1',
      canSend: 'undefined',
      secrets: [],
    },
  });
});

test('older handlers run too: CommonJS, callbacks, plain answers, no answer', async () => {
  const common = await started(
    `exports.handler = (event, context, callback) => setTimeout(() => callback(null, { ok: event.n }), 10);`,
    { name: 'handler.cjs' },
  );
  expect(await common.invoke({ n: 5 })).toEqual({ kind: 'answered', payload: { ok: 5 } });
  const refusing = await started(
    `exports.handler = (event, context, callback) => callback(new RangeError('no'));`,
    { name: 'handler.cjs' },
  );
  expect(await refusing.invoke()).toEqual(failedWith(/^RangeError: no$/u));
  const plain = await started('export const handler = (event) => event.n;');
  expect(await plain.invoke({ n: 6 })).toEqual({ kind: 'answered', payload: 6 });
  const silent = await started('export const handler = async () => {};');
  expect(await silent.invoke()).toEqual({ kind: 'answered', payload: null });
});

test('a process is used again, and one that threw is too', async () => {
  const { invoke } = await started(`
    let calls = 0;
    export const handler = async (event) => {
      calls += 1;
      if (event.fail) throw new TypeError('as asked');
      return { calls, pid: process.pid };
    };
  `);
  const first = await invoke();
  expect(await invoke({ fail: true })).toEqual(failedWith(/^TypeError: as asked$/u));
  const third = await invoke();
  expect(first).toMatchObject({ payload: { calls: 1 } });
  expect(third).toMatchObject({ payload: { calls: 3 } });
});

test.each([
  ['ends its process', 'process.exit(3)', /its process ended with 3/u],
  ['is killed', "process.kill(process.pid, 'SIGKILL')", /its process ended by SIGKILL/u],
  [
    'throws where nobody catches',
    "setTimeout(() => { throw new Error('late'); }); await new Promise(() => {})",
    /its process ended with 1/u,
  ],
  [
    'takes all memory',
    'const all = []; for (;;) all.push(new Array(1e5).fill(Math.random()))',
    /its process ended by SIG/u,
  ],
  ['never gives way', 'for (;;);', /it did not answer within 1 s/u],
  [
    'never answers',
    'await new Promise((resolve) => setTimeout(resolve, 1e6))',
    /it did not answer within 1 s/u,
  ],
  ['answers too much', "return 'x'.repeat(7e6)", /Response payload size exceeded/u],
  ['answers what is no JSON', 'return { n: 1n }', /TypeError: /u],
  [
    'writes without end',
    "const text = 'x'.repeat(1e4); for (;;) { process.stdout.write(text); await new Promise(setImmediate); }",
    /more than 16777216 bytes of output/u,
  ],
])('a handler that %s costs its invocation alone', async (_what, code, words) => {
  const { invoke } = await started(
    `
    export const handler = async (event) => {
      if (event.well) return 'well';
      ${code};
    };
  `,
    { memoryMb: 64 },
  );
  const timeoutMs = /never/u.test(_what) ? 1000 : 20_000;
  expect(await invoke({}, timeoutMs)).toEqual(failedWith(words));
  expect(await invoke({ well: true })).toEqual({ kind: 'answered', payload: 'well' });
});

test.each([
  ['does not load', "import './nothing.mjs';", /Cannot find module/u],
  ['is no program', 'this is no program', /SyntaxError/u],
  ['has no handler', 'export const other = 1;', /exports no function "handler"/u],
])(
  'a file that %s fails in words, and is loaded anew the next time',
  async (_what, code, words) => {
    const { invoke, file } = await started(code);
    expect(await invoke()).toEqual(failedWith(words));
    await writeFile(file, 'export const handler = async () => 1;');
    expect(await invoke()).toEqual({ kind: 'answered', payload: 1 });
  },
);

test('what a handler writes comes to the log, as much of it as is bounded', async () => {
  const { invoke, logger } = await started(`
    export const handler = async () => {
      for (let at = 0; at < 500; at++) console.log('line', at);
      console.error('x'.repeat(10_000));
    };
  `);
  await invoke();
  const lines = (): readonly string[] =>
    logger.lines
      .filter(({ message }) => message === 'output of a handler')
      .map(({ fields }) => String(fields['line']));
  await until('its output', () => lines().some((line) => line.startsWith('xxx')));
  expect(lines().filter((line) => line.startsWith('line'))).toHaveLength(100);
  expect(lines().find((line) => line.startsWith('xxx'))).toHaveLength(2000);
  expect(logger.messages('warn')).toEqual([
    'a handler writes more lines than are logged of one invocation',
  ]);
});

test('invocations wait for a process where there are as many as there may be', async () => {
  const code = `
    export const handler = async () => {
      await new Promise((resolve) => setTimeout(resolve, 50));
      return process.pid;
    };
  `;
  const pids = async (processesMax: number): Promise<ReadonlySet<unknown>> => {
    const { invoke } = await started(code, { processesMax });
    const outcomes = await Promise.all(Array.from({ length: 6 }, async () => invoke()));
    return new Set(outcomes.map((outcome) => outcome.kind === 'answered' && outcome.payload));
  };
  expect((await pids(1)).size).toBe(1);
  expect((await pids(3)).size).toBe(3);
});

test('a stop ends what runs and what waits', async () => {
  const { invoke, stop, file } = await started(`
    import { writeFileSync } from 'node:fs';
    export const handler = async () => {
      writeFileSync(import.meta.filename + '.pid', String(process.pid));
      for (;;);
    };
  `);
  const [runs, waits] = [invoke(), invoke()];
  const pid = await until('the handler to run', async () =>
    // It is there before it is written.
    readFile(`${file}.pid`, 'utf8').then(
      (text) => (text === '' ? undefined : Number(text)),
      () => undefined,
    ),
  );
  await stop();
  expect(await runs).toEqual(failedWith(/the daemon stops/u));
  expect(await waits).toEqual({ kind: 'unreachable', words: 'the daemon stops' });
  expect(() => process.kill(pid, 0)).toThrow('ESRCH');
});

test('an invocation that is cut off ends at once', async () => {
  const { invoke } = await started('export const handler = () => new Promise(() => {});');
  const cut = new AbortController();
  const runs = invoke({}, 600_000, cut.signal);
  cut.abort();
  expect(await runs).toEqual(failedWith(/the daemon stops/u));
});
