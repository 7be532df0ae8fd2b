import type { RegionConfig } from '../daemon/config.ts';

interface GreetedRegion {
  readonly config: RegionConfig;
  readonly endpoint: string;
  readonly operationsEndpoint: string;
}

/** What a lab says once it is ready: its endpoints, and lines to paste. */
export function labGreeting(regions: readonly GreetedRegion[], dataFolder: string): string {
  const width = Math.max(...regions.map(({ config }) => config.region.length));
  const endpoints = regions.map(
    ({ config, endpoint, operationsEndpoint }) =>
      `  ${config.region.padEnd(width)}  DynamoDB ${endpoint}  operations ${operationsEndpoint}`,
  );
  const count = regions.length === 1 ? '1 region' : `${regions.length} regions`;
  return [
    `Tidemark lab: ${count}, data in ${dataFolder}`,
    ...endpoints,
    ...regions.slice(0, 1).flatMap(({ config, endpoint }) => pasteable(config, endpoint)),
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
