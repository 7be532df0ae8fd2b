import { Level } from 'level';

import { itemSpaceOfAll } from '../../src/storage/key-layout.ts';

type Store = Level<Uint8Array, Uint8Array>;

/** Changes a closed store behind its back: a path to its folder, and what to do with it. */
export async function editStore(
  path: string,
  edit: (store: Store) => Promise<void>,
): Promise<void> {
  const store: Store = new Level(path, { keyEncoding: 'view', valueEncoding: 'view' });
  await store.open();
  try {
    await edit(store);
  } finally {
    await store.close();
  }
}

/** Flips a bit in the `nth` item of a closed store. */
export async function damageItem(path: string, nth: number): Promise<void> {
  const { from, to } = itemSpaceOfAll('items');
  await editStore(path, async (store) => {
    const pairs = await store.iterator({ gte: from, lt: to, limit: nth + 1 }).all();
    const [key, value] = pairs[nth] ?? [];
    if (key === undefined || value === undefined) throw new Error(`no item ${nth} in ${path}`);
    const damaged = Uint8Array.from(value);
    damaged[damaged.length - 1] = (damaged.at(-1) ?? 0) ^ 1;
    await store.put(key, damaged);
  });
}
