import { expect, it } from 'vitest'
import type { Alert } from '../../../node/ports/alerts.ts'
import { serve } from './fixture.ts'

const alert = (id: number): Alert => ({
  ...{
    id: BigInt(id),
    rule: 'move',
    series: 'pool-1-0xaa',
    chainId: 1,
    severity: 'critical',
    state: 'firing',
  },
  ...{
    startedAt: 600,
    endedAt: null,
    measure: 'range',
    value: 0.07,
    text: 'range of 300 s is 0.07: above 0.05',
  },
})

it('GET /v1/alerts pages through what the rules found, and takes no other question', async () => {
  const asked: unknown[] = []
  const { url } = await serve(
    undefined,
    {},
    {},
    {
      alerts: {
        async list(filter) {
          asked.push(filter)
          const newest = filter.before === undefined ? 5 : Number(filter.before) - 1
          return [newest, newest - 1]
            .slice(0, filter.limit)
            .filter((id) => id > 3)
            .map(alert)
        },
      },
    },
  )
  const get = async (query: string) => {
    const answer = await fetch(`${url}/v1/alerts${query}`)
    return { status: answer.status, body: (await answer.json()) as { nextCursor?: string | null } }
  }
  const first = await get('?limit=1&state=firing&rule=move')
  expect(first.body).toMatchObject({ data: [{ ...alert(5), id: '5' }], nextCursor: expect.any(String) })
  const second = await get(`?limit=2&cursor=${first.body.nextCursor}`)
  expect(second.body).toMatchObject({ data: [{ id: '4' }], nextCursor: null })
  expect(asked).toEqual([
    { limit: 1, state: 'firing', rule: 'move' },
    { limit: 2, before: 5n },
  ])
  for (const query of ['?state=old', '?limit=0', '?cursor=bm9wZQ', '?severity=info'])
    expect((await get(query)).status).toBe(400)
})
