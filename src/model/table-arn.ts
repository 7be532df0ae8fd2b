/** Amazon resource names of tables: `arn:aws:dynamodb:us-east-1:000000000000:table/Music`. */
export interface TableArn {
  readonly region: string;
  readonly accountId: string;
  readonly tableName: string;
}

export const formatTableArn = ({ region, accountId, tableName }: TableArn): string =>
  `arn:aws:dynamodb:${region}:${accountId}:table/${tableName}`;

const PATTERN = /^arn:aws[a-z-]*:dynamodb:([a-z0-9-]+):(\d{12}):table\/([a-zA-Z0-9_.-]{3,255})$/;

/** The parts of a table's ARN, or undefined for anything else, ARNs of indexes and streams included. */
export function parseTableArn(text: string): TableArn | undefined {
  const match = PATTERN.exec(text);
  if (match === null) return undefined;
  const [, region = '', accountId = '', tableName = ''] = match;
  return { region, accountId, tableName };
}

/** Whether DynamoDB takes a `TableName` for an ARN rather than for a name. */
export const isArn = (text: string): boolean => text.startsWith('arn:');
