import { expect, test } from 'vitest';

import {
  EventFilterError,
  FILTER_PATTERN_LENGTH_MAX,
  parseEventFilter,
} from '../../src/triggers/event-filter.ts';

/** The record of the developer guide, "Using event filtering with a DynamoDB event source", and some attributes more. */
const RECORD = {
  eventID: '1',
  eventName: 'MODIFY',
  eventVersion: '1.0',
  dynamodb: {
    ApproximateCreationDateTime: 1678831218,
    Keys: { CustomerName: { S: 'AnyCompany Industries' } },
    NewImage: {
      AccountManager: { S: 'Pat Candella' },
      PaymentTerms: { S: '60 days' },
      CustomerName: { S: 'AnyCompany Industries' },
      Empty: { S: '' },
      Nothing: { NULL: true },
      IsOpen: { BOOL: false },
      Age: { N: '42' },
      Balance: { N: '-1.5' },
      Tags: { SS: ['red', 'Blue'] },
      Lines: { L: [{ M: { sku: { S: 'a-1' } } }, { M: { sku: { S: 'b-2' } } }, { N: '7' }] },
      Address: { M: { City: { S: 'Lima' } } },
    },
    SequenceNumber: '111',
    SizeBytes: 26,
    StreamViewType: 'NEW_IMAGE',
  },
  userIdentity: null,
};

const image = (pattern: object): object => ({ dynamodb: { NewImage: pattern } });

/** Pattern, and whether it matches. The operators are those of the guide's table, "Filter rule syntax". */
const CASES: readonly (readonly [string, object, boolean])[] = [
  ['equals', { dynamodb: { Keys: { CustomerName: { S: ['AnyCompany Industries'] } } } }, true],
  [
    'equals, another case',
    { dynamodb: { Keys: { CustomerName: { S: ['anycompany industries'] } } } },
    false,
  ],
  ['one of a list', image({ AccountManager: { S: ['Pat Candella', 'Shirley Rodriguez'] } }), true],
  ['none of a list', image({ AccountManager: { S: ['Ana Carolina Silva', 'Li Juan'] } }), false],
  ['equals, outside of dynamodb', { eventName: ['INSERT', 'MODIFY'] }, true],
  [
    'and',
    image({ AccountManager: { S: ['Pat Candella'] }, PaymentTerms: { S: ['60 days'] } }),
    true,
  ],
  [
    'and, one of them wrong',
    image({ AccountManager: { S: ['Pat Candella'] }, PaymentTerms: { S: ['30 days'] } }),
    false,
  ],
  ['null', { userIdentity: [null] }, true],
  ['null, of something', { eventName: [null] }, false],
  ['null, of nothing', { other: [null] }, false],
  ['empty', image({ Empty: { S: [''] } }), true],
  ['empty, of something', image({ PaymentTerms: { S: [''] } }), false],
  ['boolean', image({ Nothing: { NULL: [true] } }), true],
  ['boolean, the other', image({ IsOpen: { BOOL: [true] } }), false],
  ['boolean, not text', image({ IsOpen: { BOOL: ['false'] } }), false],
  ['number as text', image({ Age: { N: ['42'] } }), true],
  ['number', { dynamodb: { SizeBytes: [26] } }, true],
  ['number, another', { dynamodb: { SizeBytes: [27] } }, false],
  ['or, fields', { $or: [image({ Age: { N: ['1'] } }), { eventName: ['MODIFY'] }] }, true],
  ['or, neither', { $or: [image({ Age: { N: ['1'] } }), { eventName: ['REMOVE'] }] }, false],
  [
    'or, further in',
    image({ $or: [{ Age: { N: ['1'] } }, { PaymentTerms: { S: ['60 days'] } }] }),
    true,
  ],
  [
    'or, and something else',
    { $or: [{ eventName: ['MODIFY'] }, { eventName: ['INSERT'] }], eventID: ['2'] },
    false,
  ],
  ['anything but', image({ PaymentTerms: { S: [{ 'anything-but': ['30 days'] }] } }), true],
  [
    'anything but it',
    image({ PaymentTerms: { S: [{ 'anything-but': ['30 days', '60 days'] }] } }),
    false,
  ],
  ['anything but a single text', { eventName: [{ 'anything-but': 'REMOVE' }] }, true],
  ['anything but a number', { dynamodb: { SizeBytes: [{ 'anything-but': 26 }] } }, false],
  ['anything but, of nothing', image({ Other: { S: [{ 'anything-but': ['x'] }] } }), false],
  ['numeric =', { dynamodb: { SizeBytes: [{ numeric: ['=', 26] }] } }, true],
  ['numeric range', { dynamodb: { SizeBytes: [{ numeric: ['>', 10, '<=', 26] }] } }, true],
  [
    'numeric range, outside',
    { dynamodb: { SizeBytes: [{ numeric: ['>=', 10, '<', 26] }] } },
    false,
  ],
  ['numeric of an attribute', image({ Age: { N: [{ numeric: ['>', 40] }] } }), true],
  ['numeric of an attribute, outside', image({ Balance: { N: [{ numeric: ['>=', 0] }] } }), false],
  [
    'numeric of an attribute that is text',
    image({ PaymentTerms: { S: [{ numeric: ['=', 60] }] } }),
    false,
  ],
  ['exists', image({ PaymentTerms: { S: [{ exists: true }] } }), true],
  ['exists, not there', image({ Other: { S: [{ exists: true }] } }), false],
  ['does not exist', image({ Other: { S: [{ exists: false }] } }), true],
  ['does not exist, but does', image({ PaymentTerms: { S: [{ exists: false }] } }), false],
  ['exists is of leaves alone', image({ PaymentTerms: [{ exists: true }] }), false],
  ['begins with', image({ AccountManager: { S: [{ prefix: 'Pat' }] } }), true],
  ['begins with something else', image({ AccountManager: { S: [{ prefix: 'pat' }] } }), false],
  [
    'begins with, whatever the case',
    image({ AccountManager: { S: [{ prefix: { 'equals-ignore-case': 'pAT' } }] } }),
    true,
  ],
  ['ends with', image({ PaymentTerms: { S: [{ suffix: ' days' }] } }), true],
  ['ends with something else', image({ PaymentTerms: { S: [{ suffix: ' weeks' }] } }), false],
  [
    'ends with, whatever the case',
    image({ PaymentTerms: { S: [{ suffix: { 'equals-ignore-case': 'DAYS' } }] } }),
    true,
  ],
  [
    'whatever the case',
    image({ AccountManager: { S: [{ 'equals-ignore-case': 'PAT candella' }] } }),
    true,
  ],
  [
    'whatever the case, another',
    image({ AccountManager: { S: [{ 'equals-ignore-case': 'PAT' }] } }),
    false,
  ],
  ['an element of a set', image({ Tags: { SS: ['Blue', 'green'] } }), true],
  ['no element of a set', image({ Tags: { SS: ['blue'] } }), false],
  ['an element of a list', image({ Lines: { L: { M: { sku: { S: ['b-2'] } } } } }), true],
  ['no element of a list', image({ Lines: { L: { M: { sku: { S: ['c-3'] } } } } }), false],
  ['inside a map', image({ Address: { M: { City: { S: [{ prefix: 'Li' }] } } } }), true],
  ['what every object has', { constructor: [{ exists: true }] }, false],
];

test.each(CASES)('%s', (_name, pattern, isMatch) => {
  expect(parseEventFilter(JSON.stringify(pattern)).matches(RECORD)).toBe(isMatch);
});

const WRONG: readonly (readonly [string, string])[] = [
  ['{', 'no JSON'],
  ['[]', 'expected an object'],
  ['{}', 'an object without a field'],
  ['{"a":{}}', 'the pattern.a: an object without a field'],
  ['{"a":[]}', 'a list without a rule'],
  ['{"a":"b"}', 'the pattern.a: expected a list, such as ["INSERT"], or an object'],
  ['{"a":[["b"]]}', 'expected a value or an object'],
  ['{"a":[{"wildcard":"*"}]}', 'unknown operator wildcard; there are exists, prefix'],
  ['{"a":[{}]}', 'no operator'],
  ['{"a":[{"prefix":"x","suffix":"y"}]}', 'expected one operator'],
  ['{"a":[{"prefix":1}]}', 'expected text'],
  ['{"a":[{"exists":"yes"}]}', 'exists takes true or false'],
  ['{"a":[{"anything-but":[]}]}', 'anything-but takes'],
  ['{"a":[{"anything-but":["x",1]}]}', 'anything-but takes'],
  ['{"a":[{"numeric":[">"]}]}', 'numeric takes'],
  ['{"a":[{"numeric":["~",1]}]}', 'numeric takes'],
  ['{"a":[{"numeric":["<",1,">",5]}]}', 'numeric takes'],
  ['{"a":[{"numeric":[">","1"]}]}', 'numeric takes'],
  ['{"$or":[{"a":[1]}]}', 'a list of two or more objects'],
  [`{"a":["${'x'.repeat(FILTER_PATTERN_LENGTH_MAX)}"]}`, '4096 characters at most'],
  [`${'{"a":'.repeat(70)}[1]${'}'.repeat(70)}`, '64 levels at most'],
];

test.each(WRONG)('refuses %.40s', (pattern, words) => {
  expect(() => parseEventFilter(pattern)).toThrow(EventFilterError);
  expect(() => parseEventFilter(pattern)).toThrow(words);
});
