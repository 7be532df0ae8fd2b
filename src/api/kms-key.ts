import { mix32 } from '../model/mix32.ts';
import { ARN_PARTITION } from '../model/table-arn.ts';
import type { Encryption } from '../model/table.ts';
import type { Region } from '../region/region.ts';

/** How KMS calls the key that AWS manages for DynamoDB. */
const MANAGED_ALIAS = 'alias/aws/dynamodb';

const KEY_ID = /^(?:mrk-[0-9a-f]{32}|[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12})$/;

/**
 * The ARN of a key as DynamoDB describes it: of an alias that of the key behind it. There is no KMS here, so an alias
 * always stands for the same key, made up from its name.
 */
export function keyArn({ keyId = MANAGED_ALIAS }: Encryption, region: Region): string {
  const prefix = `arn:${ARN_PARTITION}:kms:${region.name}:${region.accountId}:`;
  if (keyId.startsWith('arn:') && !keyId.includes(':alias/')) return keyId;
  const id = KEY_ID.test(keyId) ? keyId : idOf(`${prefix}${keyId.slice(keyId.indexOf('alias/'))}`);
  return `${prefix}key/${id}`;
}

/** A UUID that is the same for the same text. */
function idOf(text: string): string {
  const words = [1, 2, 3, 4].map((seed) => {
    let hash = mix32(seed);
    for (let at = 0; at < text.length; at += 1) hash = mix32(hash ^ text.charCodeAt(at));
    return hash.toString(16).padStart(8, '0');
  });
  const hex = words.join('');
  const rest = `4${hex.slice(13, 16)}-a${hex.slice(17, 20)}-${hex.slice(20)}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${rest}`;
}
