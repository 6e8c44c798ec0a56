import { z } from 'zod'
import { isLoopback } from '../ports/loopback.ts'
import { host, port } from './schema-parts.ts'

/** The server that the operator alone may ask. */
export const adminSchema = z
  .strictObject({
    host: host().default('127.0.0.1').describe('Address to listen on: loopback, unless `allowRemote`.'),
    port: port().default(8520).describe('TCP port of metrics and health; 0 takes a free one.'),
    allowRemote: z
      .boolean()
      .default(false)
      .describe(
        'Lets `host` be reachable from other machines. The admin server has no login: put a firewall before it.',
      ),
  })
  .refine((value) => value.allowRemote || isLoopback(value.host), {
    path: ['host'],
    error: 'the admin server would be reachable from other machines',
    params: { remedy: 'use 127.0.0.1, or set admin.allowRemote: true where a firewall protects it' },
  })
  .prefault({})
  .describe('Metrics, health and operation. Never on the public port.')
