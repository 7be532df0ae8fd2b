import { GOOD_LINK, type LinkConditions } from '../../support/tcp-proxy.ts';
import { EU, type Fault, NODES_AND_PEER, type Stage, TARGETS, US } from './fault.ts';

const CUT_MS = 8000;

type Change = Partial<LinkConditions>;

/** Each link for a while as it is told, undefined for good. */
async function links(
  { world, sleep }: Stage,
  { there, back }: { readonly there: Change; readonly back: Change },
): Promise<void> {
  world.link(US, EU).set(there);
  world.link(EU, US).set(back);
  await sleep(CUT_MS);
  world.link(US, EU).set(GOOD_LINK);
  world.link(EU, US).set(GOOD_LINK);
}

const CUT: Change = { toTarget: false, fromTarget: false };
const MUTE: Change = { fromTarget: false };
const SLOW: Change = { delayMs: 150, bytesPerSecond: 200_000 };
const LOSSY: Change = { delayMs: 20, stallShare: 0.05, stallMs: 400 };

/** Of the links between two regions, both of which go on taking writes. */
export const LINK_FAULTS: readonly Fault[] = [
  {
    name: 'cut-link',
    what: 'the link between two regions cut both ways',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.link,
    play: async (stage) => links(stage, { there: CUT, back: CUT }),
  },
  {
    name: 'cut-link-one-way',
    what: 'the link cut one way: what one region sends the other arrives nowhere',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.link,
    play: async (stage) => links(stage, { there: CUT, back: {} }),
  },
  {
    name: 'mute-link',
    what: 'the link cut one way: requests arrive, and answers do not',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.link,
    play: async (stage) => links(stage, { there: MUTE, back: MUTE }),
  },
  {
    name: 'slow-link',
    what: '150 ms each way and 200 KB/s',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.link,
    play: async (stage) => links(stage, { there: SLOW, back: SLOW }),
  },
  {
    name: 'lossy-link',
    what: 'one piece of twenty stalls for 400 ms, with all behind it, and connections end twice',
    regions: NODES_AND_PEER,
    outageMsMax: TARGETS.link,
    play: async (stage) => {
      const playing = links(stage, { there: LOSSY, back: LOSSY });
      for (const [from, to] of [
        [US, EU],
        [EU, US],
      ] as const) {
        await stage.sleep(CUT_MS / 3);
        stage.world.link(from, to).reset();
      }
      await playing;
    },
  },
];
