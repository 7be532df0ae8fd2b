import type { NodeView } from '../daemon/operations-target.ts';
import type { StatusAnswer } from './status-regions.ts';

/** An operations port to ask, and whose it is as far as that is known. */
export interface StatusPort {
  readonly operations: string;
  readonly region: string | undefined;
  readonly node: string | undefined;
  /** Where a lab has the region's other nodes, if it has any: asked when the port does not answer. */
  readonly others?: readonly string[];
}

/** What became of asking a port. Never rejects. */
type Ask = (port: StatusPort) => Promise<StatusAnswer>;

/** Asks the ports, then those of nodes that the answers name and that have not answered yet. */
export async function askStatus(
  ports: readonly StatusPort[],
  ask: Ask,
): Promise<readonly StatusAnswer[]> {
  const first = await Promise.all(ports.map(async (port) => askOne(port, ask)));
  const answers = first.flat();
  const known = new Set<string>(answers.map(({ operations }) => operations));
  for (const answer of answers) {
    if (answer.kind === 'answered') known.add(placeOf(answer.status.region, thisNode(answer)));
  }
  const named: StatusPort[] = [];
  for (const { region, zone, operations } of nodesIn(answers)) {
    const place = placeOf(region, zone);
    if (operations === undefined || known.has(place) || known.has(operations)) continue;
    known.add(place);
    named.push({ operations, region, node: zone });
  }
  const nodes = nodesIn(answers);
  const more = await Promise.all(named.map(ask));
  return [...answers, ...more].map((answer) => {
    if (answer.kind === 'answered' || answer.node !== undefined) return answer;
    const node = nodes.find(({ operations }) => operations === answer.operations);
    return { ...answer, node: node?.zone };
  });
}

/** The answer of the port; where there is none, with those of the region's other nodes in a lab. */
async function askOne(port: StatusPort, ask: Ask): Promise<readonly StatusAnswer[]> {
  const answer = await ask(port);
  if (answer.kind === 'answered') return [answer];
  const { region, others = [] } = port;
  const more = await Promise.all(
    others.map(async (operations) => ask({ operations, region, node: undefined })),
  );
  const isOfRegion = (each: StatusAnswer): boolean =>
    each.kind === 'answered' && each.status.region === region;
  return [answer, ...more.filter(isOfRegion)];
}

const nodesIn = (answers: readonly StatusAnswer[]): readonly (NodeView & { region: string })[] =>
  answers.flatMap((answer) =>
    answer.kind === 'answered'
      ? answer.status.nodes.map((node) => ({ ...node, region: answer.status.region }))
      : [],
  );

const placeOf = (region: string, node: string | undefined): string => `${region}/${node ?? ''}`;

const thisNode = ({ status }: StatusAnswer & { readonly kind: 'answered' }): string | undefined =>
  status.nodes.find(({ isThisNode }) => isThisNode)?.zone;
