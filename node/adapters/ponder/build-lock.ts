import type { Pool, PoolClient } from 'pg'
import { IndexError } from './errors.ts'

/** One process keeps the builds of a schema of views: two with different configurations would flip them for ever. */
export class BuildLock {
  readonly #viewsSchema: string
  readonly #pool: Pool
  #client: PoolClient | null = null

  constructor(viewsSchema: string, pool: Pool) {
    this.#viewsSchema = viewsSchema
    this.#pool = pool
  }

  /** Takes it, unless it is held already: it goes with its connection, when the server does. Rejects with `INDEX_MANAGED_ELSEWHERE`. */
  async take(): Promise<void> {
    if (this.#client !== null) return
    const client = await this.#pool.connect()
    client.on('error', () => {
      if (this.#client !== client) return
      this.#client = null
      client.release(true)
    })
    if (await this.#tryLock(client)) {
      this.#client = client
      return
    }
    client.release()
    throw new IndexError(
      'INDEX_MANAGED_ELSEWHERE',
      `Another node keeps the index in "${this.#viewsSchema}". Give this one another indexer.viewsSchema, or set indexer.mode: external to read that index.`,
      { data: { viewsSchema: this.#viewsSchema } },
    )
  }

  async #tryLock(client: PoolClient): Promise<boolean> {
    try {
      const { rows } = await client.query<{ taken: boolean }>(
        `select pg_try_advisory_lock(hashtextextended('iyi index builds ' || $1, 0)) as taken`,
        [this.#viewsSchema],
      )
      return rows[0]?.taken === true
    } catch (error) {
      client.release(true)
      throw error
    }
  }

  release(): void {
    const client = this.#client
    this.#client = null
    client?.release(true)
  }
}
