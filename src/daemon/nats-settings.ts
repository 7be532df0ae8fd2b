import { z } from 'zod';

/** No user and no password in it: they have settings of their own, which are never shown. */
const NATS_SERVER = /^(?:nats|tls):\/\/(?:[\w.-]+|\[[\da-fA-F:]+\])(?::\d{1,5})?$/u;
const NKEY_SEED = /^SU[A-Z2-7]{56}$/u;

const text = (): z.ZodString => z.string().min(1);

const natsServers = () => z.array(z.string().regex(NATS_SERVER)).min(1);
const nkeySeed = () => z.string().regex(NKEY_SEED);

/** The NATS of a peer; of the region's own, every member has a description too. */
export const peerSettings = () =>
  z.strictObject({
    nats: z
      .strictObject({
        servers: natsServers(),
        user: text().optional(),
        password: text().optional(),
        nkeySeed: nkeySeed().optional(),
        tls: z
          .strictObject({ ca: text().optional(), cert: text().optional(), key: text().optional() })
          .optional(),
      })
      .optional(),
  });

/** That of the region itself. */
export const natsSettings = () =>
  z.strictObject({
    servers: natsServers().meta({
      description:
        'The NATS of this region, a system of its own: one server, or those of a cluster, and no other ones are used. This region is asked there by its peers, which have to name it in their files. Without it there are no peers but those in the same process. Required where anything of nats is set. Where TLS is used, servers are called by the names that their certificates hold.',
      expected:
        'a list of addresses such as nats://127.0.0.1:4001 or tls://nats.example:4222, at least one, without user and password',
    }),
    monitor: z
      .array(z.url({ protocol: /^https?$/u }))
      .min(1)
      .optional()
      .meta({
        description:
          'Where the monitoring of each server of that NATS is read, which alone tells whether a server syncs what it acknowledges. Needed where node is set.',
        expected: 'a list of addresses such as http://127.0.0.1:5001, one for each server',
      }),
    user: text().optional().meta({
      description: 'As whom the daemon connects, where the servers know users.',
      expected: "a user's name",
    }),
    password: text().optional().meta({
      description: 'The password of that user. Better set by the environment than in a file.',
      expected: 'text',
      secret: true,
    }),
    nkeySeed: nkeySeed().optional().meta({
      description:
        'The seed of the nkey with which the daemon connects, where the servers know nkeys. Better set by the environment than in a file.',
      expected: "a user's seed: SU and 56 more capital letters and digits",
      secret: true,
    }),
    tls: z
      .strictObject({
        ca: text().optional().meta({
          description:
            "The certificates by which the servers' are checked. With any setting of nats.tls, even nats.tls: {}, nothing but TLS will do.",
          expected: 'the path of a PEM file',
        }),
        cert: text().optional().meta({
          description: "The daemon's own certificate, where the servers ask for one.",
          expected: 'the path of a PEM file',
        }),
        key: text().optional().meta({
          description: 'The key of that certificate.',
          expected: 'the path of a PEM file',
        }),
      })
      .optional(),
  });
