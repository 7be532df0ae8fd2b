/**
 * What runs in the process of a handler, as text, so that it needs no file beside the program. It loads the module, tells that it
 * has, and then answers one invocation after the other; it ends with the process that started it, also when the handler never
 * gives way and however that process ends. Parameters: the file, the function's name, its ARN, its memory in MB, the longest
 * answer in bytes.
 */
export const HANDLER_SCRIPT = `
import { pathToFileURL } from 'node:url';
import { Worker } from 'node:worker_threads';

const [file, functionName, invokedFunctionArn, memoryLimitInMB, answerBytesMax] = process.argv.slice(1);
const send = process.send.bind(process);
process.send = undefined;
process.on('disconnect', () => process.exit(0));

const watch = new Worker(
  \`const { workerData } = require('node:worker_threads');
   setInterval(() => {
     if (process.ppid !== workerData) process.kill(process.pid, 'SIGKILL');
   }, 500);\`,
  { eval: true, execArgv: [], workerData: process.ppid, resourceLimits: { maxOldGenerationSizeMb: 16 } },
);
watch.on('error', () => process.exit(1));
watch.unref();

const errorOf = (error) =>
  error instanceof Error
    ? { errorType: error.name, errorMessage: error.message, trace: String(error.stack) }
    : { errorType: 'Error', errorMessage: String(error), trace: '' };

const contextOf = ({ requestId, timeoutMs }) => {
  const endMs = Date.now() + timeoutMs;
  return {
    callbackWaitsForEmptyEventLoop: true,
    functionName,
    functionVersion: '$LATEST',
    invokedFunctionArn,
    memoryLimitInMB,
    awsRequestId: requestId,
    logGroupName: '/aws/lambda/' + functionName,
    logStreamName: 'tidemark/' + process.pid,
    getRemainingTimeInMillis: () => Math.max(0, endMs - Date.now()),
  };
};

const call = (handler, event, context) =>
  new Promise((resolve, reject) => {
    const callback = (error, result) =>
      error === undefined || error === null ? resolve(result) : reject(error);
    const returned = handler(event, context, callback);
    if (typeof returned?.then === 'function') returned.then(resolve, reject);
    else if (handler.length < 3) resolve(returned);
  });

const answer = async (handler, invocation) => {
  const { requestId } = invocation;
  try {
    const result = await call(handler, JSON.parse(invocation.event), contextOf(invocation));
    const payload = JSON.stringify(result) ?? 'null';
    if (Buffer.byteLength(payload) > Number(answerBytesMax))
      throw new RangeError('Response payload size exceeded maximum allowed payload size (' + answerBytesMax + ' bytes).');
    send({ kind: 'result', requestId, payload });
  } catch (error) {
    send({ kind: 'error', requestId, ...errorOf(error) });
  }
};

try {
  const loaded = await import(pathToFileURL(file).href);
  const handler = loaded.handler ?? loaded.default?.handler;
  if (typeof handler !== 'function') throw new TypeError(file + ' exports no function "handler"');
  process.on('message', (invocation) => void answer(handler, invocation));
  send({ kind: 'ready' });
} catch (error) {
  send({ kind: 'unloadable', ...errorOf(error) }, () => process.exit(1));
}
`;
