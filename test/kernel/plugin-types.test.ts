import { describe, expect, expectTypeOf, test } from 'vitest'
import { z } from 'zod'
import {
  type AnyPlugin,
  apiToken,
  type Context,
  definePlugin,
  type PluginModule,
} from '../../node/kernel/plugin.ts'
import type { Store } from '../../node/ports/store.ts'

// The seam's promises are made by the compiler, so they are tested by the compiler: `@ts-expect-error` is the only way
// to assert that a line does NOT compile. `tsc --noEmit` fails on this file when one of them compiles.

interface PriceApi {
  price(): bigint
}
const price = apiToken<PriceApi>('price')
type Ctx = Context<'store' | 'events', { price: typeof price }, { greeting: string }>

function setup(ctx: Ctx) {
  return { api: { hello: () => ctx.config.greeting } }
}
const base = {
  provides: apiToken<{ hello(): string }>('hello'),
  version: '1.0.0',
  summary: 'Says hello',
  requires: { price },
  config: z.strictObject({ greeting: z.string().default('hi') }),
} as const

describe('the types of a plugin', () => {
  test('a declared capability has its own type, an undeclared one does not compile', () => {
    const read = (ctx: Ctx) => {
      expectTypeOf(ctx.can('store')).toEqualTypeOf<Store>()
      // @ts-expect-error 'quorum' is not declared in needs
      return ctx.can('quorum')
    }
    expect(read).toBeTypeOf('function')
  })

  test('a required API has its own type, an undeclared one does not compile', () => {
    const read = (ctx: Ctx) => {
      expectTypeOf(ctx.use('price')).toEqualTypeOf<PriceApi>()
      // @ts-expect-error 'oracle' is not declared in requires
      return ctx.use('oracle')
    }
    expect(read).toBeTypeOf('function')
  })

  test('a description accepts the setup that asks for what it declares, or for less', () => {
    const exact = definePlugin({ ...base, needs: ['store', 'events'], load: async () => ({ setup }) })
    const more = definePlugin({
      ...base,
      needs: ['store', 'events', 'quorum'],
      load: async () => ({ setup }),
    })
    const erased: AnyPlugin[] = [exact, more]
    expect(erased).toHaveLength(2)
  })

  test('a description refuses a setup that asks for more than it declares', () => {
    // @ts-expect-error setup reads 'events', which is not in needs
    const capability = definePlugin({ ...base, needs: ['store'], load: async () => ({ setup }) })
    const dependency = definePlugin({
      ...base,
      needs: ['store', 'events'],
      requires: {},
      // @ts-expect-error setup uses 'price', which is not in requires
      load: async () => ({ setup }),
    })
    const config = definePlugin({
      ...base,
      needs: ['store', 'events'],
      config: z.strictObject({ greeting: z.number() }),
      // @ts-expect-error setup reads a string that the schema does not give
      load: async () => ({ setup }),
    })
    expect([capability, dependency, config]).toHaveLength(3)
  })

  test('a description refuses a setup that gives another API than it provides', () => {
    const wrong = definePlugin({
      ...base,
      provides: apiToken<{ bye(): string }>('hello'),
      needs: ['store', 'events'],
      // @ts-expect-error setup returns { hello }, the token promises { bye }
      load: async () => ({ setup }),
    })
    expect(wrong.provides.id).toBe('hello')
  })

  test('a context that grants less is no substitute for one that grants more', () => {
    const narrow = (ctx: Context<'store', Record<never, never>, unknown>) => {
      // @ts-expect-error 'quorum' was never granted
      const wide: Context<'store' | 'quorum', Record<never, never>, unknown> = ctx
      return wide
    }
    const module: PluginModule<
      { hello(): string },
      'store' | 'events',
      { price: typeof price },
      { greeting: string }
    > = {
      setup,
    }
    expect([narrow, module]).toHaveLength(2)
  })
})
