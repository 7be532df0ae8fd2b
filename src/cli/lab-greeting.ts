import type { RegionConfig } from '../daemon/config.ts';

export interface GreetedNode {
  /** Of its region, or of its region and zone where that has several nodes. */
  readonly name: string;
  readonly config: RegionConfig;
  readonly endpoint: string;
  readonly operationsEndpoint: string;
  /** Of the nats-server beside it; undefined for a lab without. */
  readonly natsUrl: string | undefined;
}

/** What a lab says once it is ready: its endpoints, and lines to paste. */
export function labGreeting(nodes: readonly GreetedNode[], dataFolder: string): string {
  const width = Math.max(...nodes.map(({ name }) => name.length));
  const endpoints = nodes.map(({ name, endpoint, operationsEndpoint, natsUrl }) => {
    const nats = natsUrl === undefined ? '' : `  ${natsUrl}`;
    return `  ${name.padEnd(width)}  DynamoDB ${endpoint}  operations ${operationsEndpoint}${nats}`;
  });
  const regions = new Set(nodes.map(({ config }) => config.region)).size;
  const count = regions === 1 ? '1 region' : `${regions} regions`;
  const each = nodes.length === regions ? '' : ` of ${nodes.length / regions} nodes each`;
  return [
    `Tidemark lab: ${count}${each}, data in ${dataFolder}`,
    ...endpoints,
    ...nodes.slice(0, 1).flatMap(({ config, endpoint }) => pasteable(config, endpoint)),
    'Ready.',
  ].join('\n');
}

function pasteable({ region, credentials }: RegionConfig, endpoint: string): string[] {
  const id = credentials[0]?.accessKeyId ?? 'x';
  const secret = credentials.length === 0 ? 'x' : '...';
  return [
    'AWS CLI:',
    `  AWS_ACCESS_KEY_ID=${id} AWS_SECRET_ACCESS_KEY=${secret} aws dynamodb list-tables --endpoint-url ${endpoint} --region ${region}`,
    'JavaScript:',
    `  new DynamoDBClient({ endpoint: '${endpoint}', region: '${region}', credentials: { accessKeyId: '${id}', secretAccessKey: '${secret}' } })`,
  ];
}
