import { expect, it } from 'vitest'
import type { Store } from '../../node/ports/store.ts'

const table = { id: '1', sql: 'create table item (name text primary key, body text)' }

/** What every `Store` does. `make` gives a store of its own to each test. */
export function storeCompliance(make: () => Promise<Store>): void {
  it('applies each migration once, in order', async () => {
    const store = await make()
    const second = { id: '2', sql: `insert into item (name, body) values ('a', 'x')` }
    await store.migrate([table, second])
    await store.migrate([table, second])
    await store.migrate([table, second, { id: '3', sql: `insert into item (name, body) values ('b', 'y')` }])
    const rows = await store.query({ sql: 'select name from item order by name' })
    expect(rows.map((row) => row.name)).toEqual(['a', 'b'])
  })

  it('refuses a migration whose text changed, and applies nothing of that call', async () => {
    const store = await make()
    await store.migrate([table])
    const changed = { ...table, sql: `${table.sql} -- changed` }
    const attempt = store.migrate([{ id: '0', sql: 'create table other (x text)' }, changed])
    await expect(attempt).rejects.toMatchObject({ code: 'STORE_MIGRATION_CHANGED', retry: false })
    await expect(store.query({ sql: 'select * from other' })).rejects.toMatchObject({
      code: 'STORE_BAD_STATEMENT',
    })
  })

  it('rolls back a whole migration call when one of them fails', async () => {
    const store = await make()
    await expect(store.migrate([table, { id: '2', sql: 'create tabel x' }])).rejects.toMatchObject({
      code: 'STORE_BAD_STATEMENT',
    })
    await store.migrate([table])
    expect(await store.query({ sql: 'select * from item' })).toEqual([])
  })

  it('returns what was written, with parameters', async () => {
    const store = await make()
    await store.migrate([table])
    await store.query({ sql: 'insert into item (name, body) values ($1, $2)', params: ['é"\'', null] })
    await store.query({
      sql: 'insert into item (name, body) values ($1, $2)',
      params: ['j', { a: [1, '2'] }],
    })
    await store.query({ sql: 'insert into item (name, body) values ($1, $2)', params: ['l', ['x', 'y']] })
    await store.query({ sql: 'insert into item (name, body) values ($1, $2)', params: ['n', 2n ** 200n] })
    const rows = await store.query({ sql: 'select name, body from item order by name' })
    expect(rows.map((row) => row.body)).toEqual(['{"a":[1,"2"]}', '["x","y"]', String(2n ** 200n), null])
  })

  it('does all statements of a batch or none', async () => {
    const store = await make()
    await store.migrate([table])
    const insert = (name: string) => ({ sql: 'insert into item (name) values ($1)', params: [name] })
    await expect(store.batch([insert('a'), insert('b'), insert('a')])).rejects.toMatchObject({
      code: 'STORE_BAD_STATEMENT',
    })
    expect(await store.query({ sql: 'select * from item' })).toEqual([])
    const results = await store.batch([insert('a'), { sql: 'select name from item' }])
    expect(results[1]).toMatchObject([{ name: 'a' }])
  })

  it('names a bad statement, and works on', async () => {
    const store = await make()
    await store.migrate([table])
    await expect(store.query({ sql: 'selekt 1' })).rejects.toMatchObject({ code: 'STORE_BAD_STATEMENT' })
    expect(await store.query({ sql: 'select name from item' })).toEqual([])
  })
}
