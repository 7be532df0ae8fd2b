/**
 * What is there at once, or comes later: for paths so short that waiting would be a good part of them. `await` takes
 * either; a function that answers so may throw as well as reject.
 */
export type Awaitable<T> = T | Promise<T>;

/** All of them in order: at once when none has to be waited for. */
export function allOf<T>(values: readonly Awaitable<T>[]): Awaitable<readonly T[]> {
  if (values.some((value) => value instanceof Promise)) return Promise.all(values);
  // oxlint-disable-next-line typescript/no-unsafe-type-assertion -- none of them is a promise
  return values as readonly T[];
}
