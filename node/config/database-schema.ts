import { z } from 'zod'
import { port, sqlName } from './schema-parts.ts'

/** Where the node keeps what it must not lose. */
export const databaseSchema = z
  .strictObject({
    mode: z
      .enum(['embedded', 'external'])
      .default('embedded')
      .describe(
        '`embedded` runs a real PostgreSQL of its own under `dataDir`; `external` uses the server at `url`. Setting DATABASE_URL means `external`.',
      ),
    url: z
      .url({ protocol: /^postgres(?:ql)?$/, error: 'expected a URL that starts with postgres://' })
      .optional()
      .meta({ examples: ['postgres://iyi@db.internal:5432/iyi'] })
      .describe(
        'Address of the external server. A password never stands here: put it into `passwordFile`, or give the whole URL as DATABASE_URL.',
      ),
    passwordFile: z
      .string()
      .min(1)
      .optional()
      .meta({ examples: ['database.password'] })
      .describe('File that holds the password for `url`, readable by the node alone.'),
    port: port().default(5420).describe('TCP port of the embedded server, on loopback.'),
    schema: sqlName()
      .default('iyi')
      .describe(
        "Schema of the node's own tables. Several nodes share one server by giving each a schema of its own.",
      ),
  })
  .refine((value) => value.mode !== 'external' || value.url !== undefined, {
    path: ['url'],
    error: 'mode `external` needs the address of a server',
    params: { remedy: 'set DATABASE_URL, or choose mode `embedded`' },
  })
  .refine((value) => value.mode !== 'embedded' || value.url === undefined, {
    path: ['url'],
    error: 'mode `embedded` uses no url',
    params: { remedy: 'set database.mode to `external`, or remove the url' },
  })
  .refine((value) => value.mode !== 'embedded' || value.passwordFile === undefined, {
    path: ['passwordFile'],
    error: 'mode `embedded` makes its own password',
    params: { remedy: 'set database.mode to `external`, or remove the file' },
  })
  .prefault({})
  .describe('Where the node keeps what it must not lose.')
