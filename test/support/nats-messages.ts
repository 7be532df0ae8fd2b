import type { Msg } from '../../src/bus/nats-connection.ts';

/** A message as the client of NATS hands one over. */
export const messageOf = (subject: string, data: Uint8Array, reply: string | undefined): Msg => ({
  subject,
  sid: 0,
  data,
  ...(reply === undefined ? {} : { reply }),
  respond: () => false,
  json: () => {
    throw new Error('not JSON');
  },
  string: () => '',
});
