import type { Pool, PoolClient } from 'pg'

/** `work` in one transaction on a connection of its own; rolled back if it rejects. */
export async function inTransaction<T>(
  pool: Pool,
  work: (client: PoolClient) => Promise<T>,
  begin = 'begin',
): Promise<T> {
  const client = await pool.connect()
  // One that breaks between two statements says so by an event, of which the process would end; the next statement rejects.
  const heard = (): void => {}
  client.on('error', heard)
  try {
    await client.query(begin)
    const value = await work(client)
    await client.query('commit')
    client.off('error', heard)
    client.release()
    return value
  } catch (error) {
    const clean = await client.query('rollback').then(
      () => true,
      () => false,
    )
    if (clean) client.off('error', heard)
    client.release(!clean)
    throw error
  }
}
