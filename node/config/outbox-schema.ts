import { z } from 'zod'
import { stages } from '../ports/events.ts'

const file = (text: string) => z.string().min(1).optional().describe(text)
const hostPort = /^(?:[A-Za-z0-9.-]+|\[[0-9A-Fa-f:]+\]):\d{1,5}$/
const token = /^[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*$/

const tlsFiles = {
  caFile: file(
    "PEM file of the authorities that may sign the certificate of the broker; the system's when absent.",
  ),
  certFile: file('PEM file of a certificate by which the node proves itself.'),
  keyFile: file('PEM file of the key of `certFile`, readable by the node alone.'),
}

const bothOrNone = {
  path: ['keyFile'],
  error: 'a certificate goes with its key',
  params: { remedy: 'give certFile and keyFile, or neither' },
}
const hasPair = (value: { certFile?: string | undefined; keyFile?: string | undefined }) =>
  (value.certFile === undefined) === (value.keyFile === undefined)

const nats = z
  .strictObject({
    servers: z
      .array(
        z
          .string()
          .regex(
            /^(?:nats|tls):\/\/[^\s/@?#]+$/,
            'expected nats://host:4222 or tls://host:4222, without a user or a password in it',
          ),
      )
      .min(1, 'expected at least one server')
      .meta({ examples: [['tls://nats.example.org:4222']] })
      .describe('Servers of one cluster. `tls://`, or any of the TLS files, makes encryption a must.'),
    stream: z
      .string()
      .regex(/^[A-Za-z0-9_-]{1,64}$/, 'expected letters, digits, _ and -')
      .default('IYI')
      .describe('The JetStream stream. No other stream takes the messages.'),
    subject: z
      .string()
      .max(64)
      .regex(token, 'expected words of letters, digits, _ and -, with dots between')
      .default('iyi')
      .describe('First part of the subjects: `<subject>.<chain id>.<event>`, as `iyi.1.pool.Swap`.'),
    createStream: z
      .boolean()
      .default(false)
      .describe(
        'Makes the stream where there is none: on disk, one replica, everything kept for ever. Off by default, since how much is kept, for how long and how often is for the owner of the stream to say.',
      ),
    credsFile: file('Credentials file of a user, as `nsc` writes it.'),
    user: z.string().min(1).optional().describe('User name; goes with `passwordFile`.'),
    passwordFile: file('File with the password of `user`, readable by the node alone.'),
    tokenFile: file('File with a token, readable by the node alone.'),
    ...tlsFiles,
  })
  .refine(({ user, passwordFile }) => (user === undefined) === (passwordFile === undefined), {
    path: ['passwordFile'],
    error: 'a user goes with a password',
    params: { remedy: 'give user and passwordFile, or neither' },
  })
  .refine(
    ({ credsFile, user, tokenFile }) =>
      [credsFile, user, tokenFile].filter((each) => each !== undefined).length <= 1,
    {
      path: ['credsFile'],
      error: 'there is more than one way to log in',
      params: { remedy: 'keep one of credsFile, user and tokenFile' },
    },
  )
  .refine(hasPair, bothOrNone)
  .optional()
  .describe('A stream of NATS JetStream.')

const kafka = z
  .strictObject({
    brokers: z
      .array(z.string().regex(hostPort, 'expected host:port'))
      .min(1, 'expected at least one broker')
      .meta({ examples: [['kafka.example.org:9092']] })
      .describe('Brokers to begin with; the others of the cluster are found from them.'),
    topic: z
      .string()
      .regex(/^(?!\.{1,2}$)[A-Za-z0-9._-]{1,249}$/, 'expected letters, digits, ., _ and -')
      .default('iyi.events')
      .describe(
        'The topic. The key of a message is its chain and contract, so those of one contract stay in order.',
      ),
    createTopic: z
      .boolean()
      .default(false)
      .describe(
        'Lets the brokers make the topic where there is none, with their own defaults, if they allow that. Off by default, since partitions, replicas and retention are for the owner of the topic to say.',
      ),
    mechanism: z
      .enum(['plain', 'scram-sha-256', 'scram-sha-512'])
      .optional()
      .describe('How the node logs in (SASL); goes with `user` and `passwordFile`.'),
    user: z.string().min(1).optional().describe('User name.'),
    passwordFile: file('File with the password of `user`, readable by the node alone.'),
    tls: z
      .boolean()
      .default(false)
      .describe('Encrypts the connections. Any of the TLS files means the same.'),
    ...tlsFiles,
  })
  .refine(
    ({ mechanism, user, passwordFile }) =>
      new Set([mechanism, user, passwordFile].map((each) => each === undefined)).size === 1,
    {
      path: ['mechanism'],
      error: 'a login has a mechanism, a user and a password',
      params: { remedy: 'give mechanism, user and passwordFile, or none of them' },
    },
  )
  .refine(hasPair, bothOrNone)
  .optional()
  .describe('A topic of Kafka, or of what speaks its protocol.')

const target = z
  .strictObject({
    name: z
      .string()
      .regex(
        /^[a-z][a-z0-9-]{0,31}$/,
        'expected 1 to 32 lower-case letters, digits and dashes, a letter first',
      )
      .describe('Name of the target in logs, metrics and `iyi outbox`. Its place is remembered by it.'),
    stages: z
      .array(z.enum(stages))
      .min(1, 'expected at least one stage')
      .default(['confirmed'])
      .describe(
        'An event is told at each of these, and as `reverted` when it is dropped from its chain after that.',
      ),
    events: z
      .array(
        z
          .string()
          .regex(
            /^(?:\*|[a-z0-9_]+\.(?:[a-z0-9_]+\.)?(?:\*|[A-Za-z0-9_]+))$/,
            'expected the name of an event such as pool.Swap, or pool.*, or *',
          ),
      )
      .min(1, 'expected at least one event')
      .default(['*'])
      .describe(
        'Names of events, `<kind>.*` for all of a kind, or `*`. Those of a contract of your own with `eventLog: true` are `custom.<name>.<Event>`.',
      ),
    alerts: z
      .boolean()
      .default(true)
      .describe('Tells what the rules of `alerts` find as well, as `<chain id>.alert.<rule>`.'),
    from: z
      .enum(['start', 'now'])
      .default('start')
      .describe(
        'Where a target begins that was never there: with the oldest event of the log, or with the next one.',
      ),
    nats,
    kafka,
  })
  .refine(({ nats, kafka }) => (nats === undefined) !== (kafka === undefined), {
    path: ['nats'],
    error: 'a target is either of NATS or of Kafka',
    params: { remedy: 'give one of nats and kafka' },
  })

/** Where events are published to. */
export const outboxSchema = z
  .array(target)
  .max(16)
  .default([])
  .refine((list) => new Set(list.map(({ name }) => name)).size === list.length, {
    error: 'two targets have the same name',
    params: { remedy: 'give each a name of its own' },
  })
  .describe(
    'Brokers that the node publishes its events to, at least once and in order, for warehouses and other services.',
  )

type Files = {
  readonly [K in 'credsFile' | 'passwordFile' | 'tokenFile' | 'caFile' | 'certFile' | 'keyFile']?:
    | string
    | undefined
}

/** The targets with absolute paths. */
export function withOutboxPaths<
  T extends { readonly nats?: Files | undefined; readonly kafka?: Files | undefined },
>(targets: readonly T[], at: (path: string) => string): T[] {
  const absolute = <F extends Files>(place: F): F =>
    Object.fromEntries(
      Object.entries(place).map(([key, value]) => [
        key,
        key.endsWith('File') && typeof value === 'string' ? at(value) : value,
      ]),
    ) as F
  return targets.map((target) => ({
    ...target,
    ...(target.nats === undefined ? {} : { nats: absolute(target.nats) }),
    ...(target.kafka === undefined ? {} : { kafka: absolute(target.kafka) }),
  }))
}

/** The files that a target names, with the keys that name them. */
export function outboxFiles({
  nats,
  kafka,
}: {
  readonly nats?: Files | undefined
  readonly kafka?: Files | undefined
}) {
  return Object.entries({ ...nats, ...kafka }).flatMap(([key, path]) =>
    key.endsWith('File') && typeof path === 'string' ? [{ key, path }] : [],
  )
}
