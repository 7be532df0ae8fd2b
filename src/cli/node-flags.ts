/**
 * What Node is told where it runs regions. It has four threads beside the program's, which mark what is garbage while that goes on: on two cores they
 * keep its event loop waiting for up to 50 ms, again and again. A heap of some hundred megabytes is marked by one thread soon enough.
 */
export const NODE_FLAGS: readonly string[] = ['--v8-pool-size=1'];
