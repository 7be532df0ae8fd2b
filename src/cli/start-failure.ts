import { DataDirectoryError } from '../daemon/data-directory-error.ts';
import { PortInUseError } from '../daemon/listeners.ts';
import { NatsUnfitError } from '../daemon/streams-line.ts';
import { codeOf, errorsIn, failureText, withCauses } from './failure-text.ts';

/** Why a region did not start, with its name. `folder` is where its data is. */
export function startFailureText(error: unknown, region: string, folder: string): string {
  return `tidemark: ${region}: ${wordsFor(error, folder).replace(`${region}: `, '')}`;
}

function wordsFor(error: unknown, folder: string): string {
  if (error instanceof PortInUseError) {
    return `${error.message}; stop what uses it, or choose other ports (--port-base, or the region's file)`;
  }
  if (errorsIn(error).some((each) => codeOf(each) === 'locked')) {
    return `the data directory ${folder} is in use by another process; stop that, or choose another one with --data`;
  }
  if (error instanceof DataDirectoryError) return withCauses(error);
  if (error instanceof NatsUnfitError)
    return ["the region's NATS cannot keep logs:", ...error.problems].join('\n  ');
  return failureText(error).replace('tidemark: ', '');
}
