import { z } from 'zod'

/** Where the keys lie. */
export const keysSchema = z
  .strictObject({
    dir: z.string().min(1).default('keys').describe("Folder of the node's encrypted keystores."),
    passwordFile: z
      .string()
      .min(1)
      .optional()
      .meta({ examples: ['keys/password'] })
      .describe(
        'File that holds the password of the keystores, readable by the node alone. Without it IYI_KEYS_PASSWORD is used, or the terminal is asked.',
      ),
  })
  .prefault({})
  .describe("The validator's keys. The password itself never stands in this file.")
