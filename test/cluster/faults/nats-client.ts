import { connectNats } from '../../../src/bus/nats-connection.ts';

const REQUEST_MS_MAX = 5000;

/** Deletes a stream by JetStream's own API, as an operator's tool does. Rejects unless that says that it did. */
export async function deleteStream(server: string, name: string): Promise<void> {
  const connection = await connectNats({ servers: [server] }, { name: 'test', reconnect: false });
  try {
    const subject = `$JS.API.STREAM.DELETE.${name}`;
    const answer = await connection.request(subject, '', { timeout: REQUEST_MS_MAX });
    if (!answer.string().includes('"success":true'))
      throw new Error(`${name} was not deleted: ${answer.string()}`);
  } finally {
    await connection.close();
  }
}
