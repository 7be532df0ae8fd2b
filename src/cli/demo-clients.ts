import { DynamoDB } from '@aws-sdk/client-dynamodb';
import type { AttributeValue } from '@aws-sdk/client-dynamodb';

/**
 * A client that is pinned to one region: everything it reads and writes goes through that region's endpoint. This
 * is all that an application needs to change to use Tidemark instead of AWS: the endpoint. Without it the same client talks to AWS.
 */
export function pinnedClient(region: string, endpoint: string): DynamoDB {
  return new DynamoDB({
    region,
    endpoint,
    // Any credentials do, as long as the region's file names none.
    credentials: { accessKeyId: 'demo', secretAccessKey: 'demo' },
    maxAttempts: 5,
  });
}

export type PinnedClient = DynamoDB;

/** An item as the client takes and gives it: each value under its type, numbers as text. */
export type Item = Record<string, AttributeValue>;
