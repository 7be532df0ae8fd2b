import type { ScalarNames } from '../expression/key-checks.ts';
import { indexKeyRules } from '../model/index-key-validation.ts';
import type { Table } from '../model/table.ts';

/** Names into which no expression on the table may look: those of its keys and of its indexes'. */
export const scalarNames = (table: Table): ScalarNames => ({
  keySchema: table.definition.keySchema,
  indexKeys: indexKeyRules(table).attributes.map(({ name }) => name),
});
