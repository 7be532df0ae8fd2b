import type { Table } from '../model/table.ts';
import type { Catalogue } from './catalogue.ts';
import { isShippedTo } from './membership.ts';

export interface MemberSignal {
  readonly signal: AbortSignal;
  /** Nobody looks at the signal any more. */
  readonly release: () => void;
}

/**
 * A signal that aborts with `stop`, and as soon as `target` is not, or is another, replica of the table that takes what is
 * shipped to it: one that is lost for good never answers, and nothing may wait for it once it is removed.
 */
export function whileMember(
  catalogue: Catalogue,
  { globalId, target }: { readonly globalId: string; readonly target: string },
  stop: AbortSignal,
): MemberSignal {
  const ended = new AbortController();
  const idOf = (table: Table | 'gone' | 'unknown'): string | undefined =>
    typeof table === 'string' || !isShippedTo(table.global, target)
      ? undefined
      : table.global?.members[target]?.tableId;
  const tableId = idOf(catalogue.byGlobalId(globalId));
  const look = (): void => {
    if (tableId === undefined || idOf(catalogue.byGlobalId(globalId)) !== tableId) ended.abort();
  };
  const end = (): void => ended.abort();
  const unlisten = catalogue.onChange(look);
  stop.addEventListener('abort', end, { once: true });
  look();
  if (stop.aborted) end();
  return {
    signal: ended.signal,
    release: () => {
      unlisten();
      stop.removeEventListener('abort', end);
    },
  };
}
