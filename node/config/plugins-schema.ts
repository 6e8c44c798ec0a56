import { z } from 'zod'
import { type CapabilityName, capabilityCatalogue } from '../ports/capabilities.ts'

const capabilities = Object.keys(capabilityCatalogue) as [CapabilityName, ...CapabilityName[]]

const plugin = z.strictObject({
  use: z
    .string()
    .min(1)
    .describe(
      'Id of a plugin that came with the node, a path that starts with `./`, or the name of an installed package.',
    ),
  grants: z
    .array(z.enum(capabilities))
    .default([])
    .describe(
      'What you let it do. `iyi config check` names each capability that is missing, and what it is for.',
    ),
  config: z
    .record(z.string(), z.unknown())
    .default({})
    .describe("The plugin's own settings, checked by the plugin's own schema."),
})

/** Which plugins run, and what each may do. */
export const pluginsSchema = z.array(plugin).default([]).describe('The plugins that the node runs.')
