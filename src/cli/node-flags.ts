/**
 * What Node is told where it runs regions.
 *
 * It has four threads beside the program's, which mark what is garbage while that goes on: on two cores they keep its event loop waiting for up
 * to 50 ms, again and again. A heap of some hundred megabytes is marked by one thread soon enough.
 *
 * All of the heap is collected when it has grown by so many per cent since the last time. By itself Node does so at 110 MB where 65 are in use:
 * under writes every two to four seconds, with a pause of 5 to 15 ms and a tenth of a second of marking before it. See
 * src/partition/DESIGN.md, Pauses.
 */
export const NODE_FLAGS: readonly string[] = ['--v8-pool-size=1', '--heap-growing-percent=150'];
