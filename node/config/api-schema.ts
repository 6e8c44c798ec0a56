import { z } from 'zod'
import { host, port } from './schema-parts.ts'

const origin = z
  .string()
  .regex(/^(?:\*|https?:\/\/[^/]+)$/, 'expected "*" or an origin such as https://app.example.org')

/** The server that everybody may ask. */
export const apiSchema = z
  .strictObject({
    host: host()
      .default('127.0.0.1')
      .describe('Address to listen on. 0.0.0.0 or :: opens the API to others.'),
    port: port().default(8420).describe('TCP port of the public API; 0 takes a free one.'),
    corsOrigins: z
      .array(origin)
      .default(['*'])
      .describe('Web origins whose pages may read the API; `*` means all of them.'),
    maxBodyBytes: z
      .int()
      .min(1_024)
      .max(104_857_600)
      .default(1_048_576)
      .describe('Largest request body, in bytes.'),
  })
  .prefault({})
  .describe('The public HTTP API.')
