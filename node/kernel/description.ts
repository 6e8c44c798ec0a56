import { z } from 'zod'
import type { AnyPlugin } from './plugin.ts'

const func = (what: string) =>
  z.custom<(...args: never[]) => unknown>((value) => typeof value === 'function', what)

/** A schema of any copy of zod 4: a package may carry its own, so `instanceof` would be wrong. */
const zodSchema = z.custom<z.ZodType>(
  (value) =>
    typeof value === 'object' &&
    value !== null &&
    'safeParse' in value &&
    typeof value.safeParse === 'function',
  'expected a zod schema',
)
const token = z.object({ id: z.string() })

/** What a default export must look like to be a plugin description. Loose: a later node may read more. */
const descriptionSchema = z.looseObject({
  provides: token,
  version: z.string(),
  summary: z.string(),
  needs: z.array(z.string()),
  requires: z.record(z.string(), token),
  config: zodSchema,
  routes: z.array(z.string()).optional(),
  contracts: func('expected a function from the configuration to a list of contracts').optional(),
  load: func('expected a function that imports the module with setup()'),
})

/** True when `value` has the shape of a plugin description. Its capabilities and routes are the host's to check. */
export function isDescription(value: unknown): value is AnyPlugin {
  return descriptionSchema.safeParse(value).success
}

/** Why `value` is no plugin description, one line a fault. */
export function descriptionFaults(value: unknown): readonly string[] {
  const result = descriptionSchema.safeParse(value)
  if (result.success) return []
  return result.error.issues.map(
    (issue) => `${issue.path.map(String).join('.') || 'default export'}: ${issue.message}`,
  )
}
