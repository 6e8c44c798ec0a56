import { mkdir, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { BackendError } from '../../../node/ports/inference-error.ts'
import { until } from '../../e2e/kit/until.ts'
import { float32, port, writeTiny } from '../tiny-fixture.ts'
import { runs, version, world } from './world.ts'

const soon = { withinMs: 10_000, everyMs: 1 }
const broken = () => new BackendError('BACKEND_RUN_FAILED', 'net', 'it broke')

/** What the node wrote about its candidate. */
function saved({ states, two }: Pick<Awaited<ReturnType<typeof world>>, 'states' | 'two'>) {
  return until('it is saved', () => readFile(join(states, `${two}.json`), 'utf8').catch(() => null), soon)
}

describe('a shadow', () => {
  it('repeats runs and answers none, though it is the newer version', async () => {
    const trial = await world()
    const answers = [
      ...(await runs(trial, 6)),
      ...(await runs(trial, 6, { priority: 'duty', model: trial.one })),
    ]
    expect(new Set(answers.map(({ digest }) => digest))).toEqual(new Set([trial.one]))
    expect(await trial.counted('shadow', 'agrees')).toBe(12)
    expect(trial.inference.health()).toEqual({ status: 'ok', detail: '2 models' })
    expect(trial.inference.models().findLast(({ id }) => id === 'net')?.digest).toBe(trial.one)
    const { body } = await trial.metrics.expose()
    expect(body).toContain(`iyi_inference_candidate_state{model="net",digest="${trial.two}",state="trial"} 1`)
    expect(body).toContain(
      `iyi_inference_candidate_run_duration_seconds_count{model="net",digest="${trial.two}"} 12`,
    )
    // Runs of the model are those that somebody asked for.
    expect(body).toContain('iyi_inference_runs_total{model="net",result="ok"} 12')
  })

  it('gets the share that it is to have', async () => {
    let turn = 0
    const trial = await world({ shadow: 0.25 }, { random: () => (turn++ % 4) / 4 })
    for (let i = 0; i < 40; i++) await trial.run(i)
    await until('all are compared', async () => (await trial.counted('shadow', 'agrees')) === 10, soon)
  })

  it('is held against what the caller asked, whatever the caller does to it meanwhile', async () => {
    const trial = await world()
    trial.apart.state.byHand = true
    const x = float32([1, 2], 3, 4)
    const answer = await trial.run(0, { inputs: { x } })
    ;(x.data as Float32Array).fill(9)
    for (const { data } of Object.values(answer.outputs)) (data as Float32Array).fill(9)
    const shadow = await until('it is asked', () => trial.apart.runs[0], soon)
    expect(shadow.inputs.x?.data).toEqual(Float32Array.of(3, 4))
    shadow.answer()
    await until('it is compared', async () => (await trial.counted('shadow', 'agrees')) === 1, soon)
  })

  it('is one run at a time, and keeps nobody waiting', async () => {
    const trial = await world()
    trial.apart.state.byHand = true
    for (let i = 0; i < 50; i++) expect((await trial.run(i)).digest).toBe(trial.one)
    expect(trial.apart.runs).toHaveLength(1)
    expect(await trial.counted('shadow', 'skipped')).toBe(49)
    trial.apart.runs[0]?.answer()
    await until('it is compared', async () => (await trial.counted('shadow', 'agrees')) === 1, soon)
  })

  it('is not asked for what is large, nor for what the version at work does not answer', async () => {
    const trial = await world()
    const rows = 3_000
    await trial.run(0, {
      inputs: { x: { type: 'float32', shape: [rows, 2], data: new Float32Array(2 * rows) } },
    })
    await until('it is left out', async () => (await trial.counted('shadow', 'skipped')) === 1, soon)
    await expect(trial.run(0, { inputs: { x: [1] } as never })).rejects.toMatchObject({
      code: 'INFERENCE_BAD_INPUT',
    })
    await expect(trial.run(0, { inputs: { x: float32([1, 2], Number.NaN, 1) } })).rejects.toMatchObject({
      code: 'INFERENCE_BAD_INPUT',
    })
    expect(trial.apart.runs).toHaveLength(0)
  })
})

describe('a candidate that drifts', () => {
  it('is set aside once enough was compared; the version at work answers throughout', async () => {
    const trial = await world()
    trial.apart.state.add = 7
    const answers = await runs(trial, 10)
    expect(answers.map(({ quantized }) => quantized[0])).toEqual(answers.map((_, i) => BigInt(i + 1)))
    expect(JSON.parse(await saved(trial))).toMatchObject({
      state: 'set-aside',
      by: 'node',
      reason: expect.stringContaining('100 %'),
    })
    const { body } = await trial.metrics.expose()
    expect(body).toContain(
      `iyi_inference_candidate_state{model="net",digest="${trial.two}",state="set-aside"} 1`,
    )
    expect(body).toContain(
      `iyi_inference_candidate_distance{model="net",digest="${trial.two}",quantile="0.5"} 7`,
    )
    expect(trial.logs.some(({ level, digest }) => level === 'error' && digest === trial.two)).toBe(true)
    // Told, and no reason to call the node unfit.
    expect(trial.inference.health()).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining(trial.two),
    })
    for (let i = 0; i < 5; i++) expect((await trial.run(i)).digest).toBe(trial.one)
    expect(await trial.counted('shadow', 'differs')).toBe(10)
  })

  it('stays so over a restart, until the operator says otherwise', async () => {
    const first = await world()
    first.apart.state.add = 7
    await runs(first, 10)
    await first.inference.stop()
    const again = await world({}, { folder: first.folder })
    for (let i = 0; i < 5; i++) expect((await again.run(i)).digest).toBe(again.one)
    expect(await again.counted('shadow', 'agrees')).toBe(0)
    expect(again.inference.health()).toMatchObject({ detail: expect.stringContaining('disagree') })

    await rm(join(again.states, `${again.two}.json`))
    await again.inference.reload()
    await runs(again, 12)
    expect(again.inference.health()).toEqual({ status: 'ok', detail: '2 models' })
  })

  it('tried once more begins anew, in a node that runs', async () => {
    const trial = await world({}, { watchMs: 20 })
    trial.apart.state.add = 7
    await runs(trial, 10)
    await saved(trial)
    trial.apart.state.add = 0
    await rm(join(trial.states, `${trial.two}.json`))
    await until('the node noticed', () => !JSON.stringify(trial.inference.health()).includes('aside'), soon)
    await runs(trial, 12)
    expect(trial.inference.health()).toEqual({ status: 'ok', detail: '2 models' })
  })

  it('may be allowed to lie further off', async () => {
    const trial = await world({ tolerance: { absolute: 7n, relativePpm: 0 } })
    trial.apart.state.add = 7
    await runs(trial, 12)
    expect(await trial.counted('shadow', 'agrees')).toBe(12)
  })
})

describe('a candidate that ends its process', () => {
  it('is set aside the third time, however few runs there were; the others never rest', async () => {
    const trial = await world({ maxFailures: 1 })
    trial.apart.state.byHand = true
    for (let i = 0; i < 3; i++) {
      // After the second it rests for a second: it is not run, and that says nothing against it.
      const asked = async () => {
        expect((await trial.run(i)).digest).toBe(trial.one)
        return trial.apart.runs[i]
      }
      const crash = new BackendError('BACKEND_CRASHED', 'net', 'it ended')
      ;(await until('it is asked', asked, soon)).fail(crash)
      await until('that is counted', async () => (await trial.counted('shadow', 'failed')) === i + 1, soon)
    }
    expect(trial.inference.health()).toMatchObject({
      ...{ status: 'ok', detail: expect.stringContaining('3 runs ended the process') },
    })
    expect((await trial.run(4, { priority: 'duty' })).digest).toBe(trial.one)
  })
})

describe('a canary', () => {
  it('answers runs by id once it is proven, and no duty, and nothing that names a digest', async () => {
    const trial = await world({ canary: 1 })
    expect((await runs(trial, 10)).every(({ digest }) => digest === trial.one)).toBe(true)
    expect((await trial.run(1)).digest).toBe(trial.two)
    expect(await trial.counted('canary', 'answered')).toBe(1)
    expect((await trial.run(1, { priority: 'duty' })).digest).toBe(trial.one)
    expect((await trial.run(1, { model: trial.one })).digest).toBe(trial.one)
    expect((await trial.run(1, { model: trial.two, priority: 'duty' })).digest).toBe(trial.two)
    expect(await trial.counted('canary', 'answered')).toBe(1)
  })

  it('answers its share, also long after the last comparison', async () => {
    let state = 1
    // Lehmer's generator (Park and Miller 1988).
    const random = () => {
      state = (state * 48_271) % 2_147_483_647
      return state / 2_147_483_647
    }
    const trial = await world({ canary: 0.5, shadow: 0.5 }, { random })
    await until(
      'it is proven',
      async () => {
        await trial.run(1)
        return (await trial.counted('canary', 'answered')) > 0
      },
      soon,
    )
    const digests = []
    trial.apart.state.byHand = false
    for (let i = 0; i < 400; i++) digests.push((await trial.run(i)).digest)
    const answered = digests.filter((digest) => digest === trial.two).length
    expect(answered).toBeGreaterThan(150)
    expect(answered).toBeLessThan(250)
  })

  it('goes on when its answers are many more than what is compared', async () => {
    const trial = await world({ canary: 1 })
    await runs(trial, 10)
    for (let i = 0; i < 100; i++) expect((await trial.run(i)).digest).toBe(trial.two)
  })

  it('that fails is answered for by the version at work, and set aside', async () => {
    const trial = await world({ canary: 1 })
    await runs(trial, 10)
    trial.apart.state.byHand = true
    const answer = trial.run(5)
    ;(await until('it is asked', () => trial.apart.runs[0], soon)).fail(broken())
    expect(await answer).toMatchObject({ digest: trial.one, quantized: [5n, 5n] })
    // The version at work answered, and is repeated as in any other run.
    ;(await until('its shadow is asked', () => trial.apart.runs[1], soon)).fail(broken())
    await until('it is set aside', () => JSON.stringify(trial.inference.health()).includes('failed'), soon)
    expect((await trial.run(6)).digest).toBe(trial.one)
  })

  it('is not set aside by callers who ask for nonsense, or give it no time', async () => {
    const trial = await world({ canary: 1 })
    await runs(trial, 10)
    const nonsense = { inputs: { x: float32([1, 2], Number.NaN, 1) } }
    for (let i = 0; i < 20; i++)
      await expect(trial.run(1, nonsense)).rejects.toMatchObject({ code: 'INFERENCE_BAD_INPUT' })
    trial.apart.state.byHand = true
    // Half of the time is the canary's, the rest is left to the version at work.
    expect(await trial.run(5, { deadlineMs: 200 })).toMatchObject({ digest: trial.one, quantized: [5n, 5n] })
    expect(await trial.counted('canary', 'failed')).toBe(0)
    // The run that was given up, and the shadow of the one that answered instead.
    const [, shadow] = await until('both are asked', () => trial.apart.runs[1] && trial.apart.runs, soon)
    trial.apart.state.byHand = false
    for (const each of [trial.apart.runs[0], shadow]) each?.answer()
    expect((await trial.run(1)).digest).toBe(trial.two)
  })

  it('is given up when its caller gives up', async () => {
    const trial = await world({ canary: 1 })
    await runs(trial, 10)
    trial.apart.state.byHand = true
    const caller = new AbortController()
    const answer = trial.run(5, { signal: caller.signal })
    const run = await until('it is asked', () => trial.apart.runs[0], soon)
    caller.abort()
    await expect(answer).rejects.toMatchObject({ code: 'INFERENCE_CANCELLED' })
    expect(trial.live.runs).toHaveLength(0)
    run.answer()
  })
})

describe('the operator', () => {
  it('promotes: the id means it, on the backend of those at work; nothing is repeated any more', async () => {
    const trial = await world()
    await runs(trial, 3)
    await mkdir(trial.states, { recursive: true })
    const record = { state: 'promoted', by: 'operator', at: '2026-01-01T00:00:00.000Z', reason: 'good' }
    await writeFile(join(trial.states, `${trial.two}.json`), JSON.stringify(record))
    await trial.inference.reload()
    expect(trial.apart.closed).toEqual(['net 2'])
    expect((await trial.run(1)).digest).toBe(trial.two)
    expect((await trial.run(1, { priority: 'duty' })).digest).toBe(trial.two)
    expect((await trial.run(1, { model: trial.one })).digest).toBe(trial.one)
    expect(await trial.counted('shadow', 'agrees')).toBe(3)
    const { body } = await trial.metrics.expose()
    expect(body).toContain(`digest="${trial.two}",state="promoted"} 1`)

    await writeFile(
      join(trial.states, `${trial.two}.json`),
      JSON.stringify({ ...record, state: 'set-aside' }),
    )
    await trial.inference.reload()
    expect((await trial.run(1)).digest).toBe(trial.one)
    // The operator knows.
    expect(trial.inference.health()).toEqual({ status: 'ok', detail: '2 models' })
  })

  it('is told of a decision that can not be read; the version stays aside', async () => {
    const trial = await world()
    await mkdir(trial.states, { recursive: true })
    await writeFile(join(trial.states, `${trial.two}.json`), '{"state":"promo')
    await trial.inference.reload()
    expect((await trial.run(1)).digest).toBe(trial.one)
    expect(await trial.counted('shadow', 'agrees')).toBe(0)
    expect(trial.inference.health()).toMatchObject({ detail: expect.stringContaining('can not be read') })
  })
})

describe('a candidate that can not be compared', () => {
  it('is set aside at once when it takes or gives something else', async () => {
    const second = {
      ...{ inputs: [port('x', 'float32', [null, 2])], outputs: [port('y', 'float32', [null, 2])] },
      decimals: 1,
      cases: [{ inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [10n, 20n] }],
    }
    const trial = await world({}, { second })
    expect((await trial.run(1)).digest).toBe(trial.one)
    expect(trial.inference.health()).toMatchObject({ detail: expect.stringContaining('quantisation') })
    await trial.inference.stop()
    expect(await readdir(trial.states)).toEqual([`${trial.two}.json`])
  })

  it('is told of as one of other inputs, and none of its runs is asked for', async () => {
    const second = {
      // The same network, which is given the returns of three prices.
      entry: { preprocessing: [{ op: 'log-return', tensor: 'x' }] },
    }
    const trial = await world({ canary: 1 }, { second })
    for (let i = 0; i < 3; i++) expect((await trial.run(i)).digest).toBe(trial.one)
    expect(trial.inference.health()).toMatchObject({ detail: expect.stringContaining('other inputs') })
    expect(trial.apart.runs).toHaveLength(0)
  })

  it('makes no node unfit when it is refused', async () => {
    const trial = await world(
      {},
      { second: { cases: [{ inputs: { x: { shape: [1, 2], values: [1, 2] } }, y: [9n, 9n] }] } },
    )
    expect(trial.info(trial.two)?.status.ok).toBe(false)
    expect(trial.inference.health()).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining(trial.two),
    })
    expect((await trial.run(1)).digest).toBe(trial.one)
    const { body } = await trial.metrics.expose()
    expect(body).toContain(`digest="${trial.two}",state="absent"} 1`)
  })

  it('of another model than it is said to be is told of, and never run', async () => {
    const trial = await world({ model: 'other' })
    expect((await trial.run(1)).digest).toBe(trial.one)
    expect(trial.inference.health()).toMatchObject({
      detail: expect.stringContaining(`${trial.two} of other`),
    })
    expect(trial.apart.runs).toHaveLength(0)
  })

  it('is nothing to answer with when it is alone', async () => {
    const trial = await world()
    await writeTiny(trial.folder, [version('2')])
    await trial.inference.reload()
    await expect(trial.run(1)).rejects.toMatchObject({ code: 'INFERENCE_UNKNOWN_MODEL' })
    expect((await trial.run(1, { model: trial.two })).digest).toBe(trial.two)
    expect(trial.inference.health()).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining(`${trial.two} of net is to be tried, and no version of net is at work`),
    })
  })
})

describe('a candidate whose outputs drift from its reference', () => {
  /** Half of what it gave when it was trained was at most 5. */
  const entry = {
    reference: {
      inputs: [],
      outputs: [{ tensor: 'y', columns: [{ name: 'all', edges: ['5'], counts: [500, 500] }] }],
    },
  }
  const isAside = async ({ metrics, two }: Awaited<ReturnType<typeof world>>) => {
    const { body } = await metrics.expose()
    return body.includes(`iyi_inference_candidate_state{model="net",digest="${two}",state="set-aside"} 1`)
  }

  it('is set aside, with the reason, though it agrees', async () => {
    // The version at work was trained on what it is asked now.
    const first = {
      entry: {
        reference: {
          inputs: [],
          outputs: [{ tensor: 'y', columns: [{ name: 'all', edges: ['5'], counts: [250, 750] }] }],
        },
      },
    }
    const here = await world({}, { first, second: { entry } })
    await runs(here, 20)
    expect(await isAside(here)).toBe(true)
    expect(here.inference.health()).toMatchObject({
      status: 'ok',
      detail: expect.stringContaining('drifts from its reference'),
    })
  })

  it('goes on while it gives what it gave', async () => {
    const here = await world({}, { second: { entry } })
    for (let i = 0; i < 4; i++) await runs(here, 10)
    expect(await isAside(here)).toBe(false)
  })

  it('goes on where the version at work drifts as far, or nobody knows: the world may have changed', async () => {
    for (const first of [{ entry }, {}]) {
      const here = await world({}, { first, second: { entry } })
      await runs(here, 40)
      expect(await isAside(here)).toBe(false)
    }
  })
})
