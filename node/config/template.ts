import { stringify } from 'yaml'
import { configShape, own, type Shape } from './shape.ts'
import { isTree, type Tree } from './tree.ts'

const WIDTH = 100

/** What a template shows of a list that starts empty: one entry to copy, commented out. */
const SAMPLES: Readonly<Record<string, unknown>> = {
  outbox: [
    {
      name: 'warehouse',
      stages: ['confirmed', 'final'],
      events: ['pool.*'],
      from: 'start',
      nats: {
        servers: ['tls://nats.example.org:4222'],
        stream: 'IYI',
        subject: 'iyi',
        createStream: false,
        credsFile: 'outbox/node.creds',
        caFile: 'outbox/ca.pem',
        certFile: 'outbox/node.pem',
        keyFile: 'outbox/node.key',
      },
    },
    {
      name: 'local',
      nats: { servers: ['nats://127.0.0.1:4222'], createStream: true, tokenFile: 'outbox/token' },
    },
    {
      name: 'lake',
      kafka: {
        brokers: ['kafka.example.org:9093'],
        topic: 'iyi.events',
        createTopic: false,
        mechanism: 'scram-sha-512',
        user: 'node',
        passwordFile: 'outbox/password',
        tls: true,
      },
    },
  ],
  plugins: [{ use: './plugins/hello', grants: ['events', 'store', 'http.routes'], config: {} }],
  contracts: [
    {
      name: 'usdc',
      chainId: 1,
      address: '0xA0b86991c6218b36c1d19D4a2e9Eb0cE3606eB48',
      abi: 'abis/erc20.json',
      events: ['Transfer'],
      startBlock: 6_082_465,
    },
    {
      name: 'pair',
      chainId: 1,
      factory: {
        address: '0x5C69bEe701ef814a2B6a3EDD4B1652CB9cc5aA6f',
        abi: 'abis/factory.json',
        event: 'PairCreated',
        parameter: 'pair',
      },
      abi: 'abis/pair.json',
      startBlock: 10_000_835,
      eventLog: true,
    },
  ],
  alerts: [
    { name: 'flash-move', series: '*', measure: 'range', window: '5m', above: 0.05, severity: 'critical' },
    { name: 'drained', series: 'usdc-eth', measure: 'return', window: '1h', below: -0.2, for: '2m' },
    { name: 'odd-volume', measure: 'volumeBase', window: '1h', unlike: { sigmas: 6, of: 48 } },
    { name: 'other-world', drift: '*', above: 0.25, for: '1h' },
  ],
  events: [
    { name: 'pairs', contract: 'pair', event: 'Filled', base: 'sold', quote: 'paid' },
    { name: 'book', contract: 'pair', event: 'Matched', base: 'size', price: 'price', priceScale: 8 },
  ],
}

/**
 * The commented file that `iyi init` writes: every key of the schema with its description, `values` where given, else
 * the default, else an example in a comment.
 */
export function configTemplate(values: Tree): string {
  const blocks = Object.entries(configShape.properties ?? {}).map(([key, shape]) =>
    entry(key, shape, own(values, key), '').join('\n'),
  )
  return `# Configuration of an IYI node. Every key can be overridden by the environment: api.port by IYI_API__PORT.\n# Secrets never stand here. Check the file with: iyi config check\n\n${blocks.join('\n\n')}\n`
}

function entry(key: string, shape: Shape, value: unknown, indent: string): readonly string[] {
  const comment = wrap(shape.description ?? '', WIDTH - indent.length - 2).map((line) => `${indent}# ${line}`)
  if (shape.properties !== undefined) {
    return [...comment, `${indent}${key}:`, ...children(shape, isTree(value) ? value : {}, `${indent}  `)]
  }
  const shown = value ?? shape.default
  if (shape.items?.properties !== undefined && Array.isArray(shown) && shown.length > 0) {
    return [...comment, `${indent}${key}:`, ...items(shape.items, shown, `${indent}  `)]
  }
  if (shown !== undefined) return [...comment, `${indent}${key}: ${inline(shown)}`, ...sample(key, indent)]
  return [...comment, `${indent}# ${key}: ${inline(shape.examples?.[0] ?? '')}`]
}

function children(shape: Shape, values: Tree, indent: string): readonly string[] {
  return Object.entries(shape.properties ?? {}).flatMap(([key, child]) =>
    entry(key, child, own(values, key), indent),
  )
}

/** The dash of a list entry takes the place of the indentation before its first key. */
function items(shape: Shape, values: readonly unknown[], indent: string): readonly string[] {
  return values.flatMap((value) => {
    const lines = children(shape, isTree(value) ? value : {}, `${indent}  `)
    const first = lines.findIndex((line) => !line.trimStart().startsWith('#'))
    return lines.map((line, index) =>
      index === first ? `${indent}- ${line.slice(indent.length + 2)}` : line,
    )
  })
}

function sample(key: string, indent: string): readonly string[] {
  const value = own(SAMPLES, key)
  if (value === undefined) return []
  const lines = stringify({ [key]: value }, { flowCollectionPadding: false, collectionStyle: 'any' })
    .trimEnd()
    .split('\n')
  return ['For example:', ...lines].map((line) => `${indent}# ${line}`)
}

function inline(value: unknown): string {
  return stringify(value, { collectionStyle: 'flow', flowCollectionPadding: false, lineWidth: 0 }).trimEnd()
}

/** Breaks text into lines of at most `width` characters, between words. */
function wrap(text: string, width: number): readonly string[] {
  const lines: string[] = []
  for (const word of text.split(' ').filter((part) => part !== '')) {
    const last = lines.at(-1)
    if (last !== undefined && last.length + 1 + word.length <= width)
      lines[lines.length - 1] = `${last} ${word}`
    else lines.push(word)
  }
  return lines
}
