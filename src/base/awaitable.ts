/**
 * What is there at once, or comes later: for paths so short that waiting would be a good part of them. `await` takes
 * either; a function that answers so may throw as well as reject.
 */
export type Awaitable<T> = T | Promise<T>;
