import { expect, test } from 'vitest'
import { variableName } from '../../node/config/env.ts'
import { nearest } from '../../node/config/nearest.ts'
import { configReference } from '../../node/config/reference.ts'
import { configShape, type Shape } from '../../node/config/shape.ts'
import { configTemplate } from '../../node/config/template.ts'
import { parseYaml } from '../../node/config/yaml-file.ts'
import { minimal, parse } from './config-cases.ts'

function keys(shape: Shape = configShape, path: readonly string[] = []): readonly (readonly string[])[] {
  const properties = Object.entries(shape.properties ?? shape.items?.properties ?? {})
  return properties.flatMap(([key, child]) => [[...path, key], ...keys(child, [...path, key])])
}

test('the template says exactly the defaults', () => {
  const { value, faults } = parseYaml(configTemplate(minimal))
  expect(faults).toEqual([])
  expect(parse(value).config).toEqual(parse(minimal).config)
})

test('the template takes values, of lists and of sections', () => {
  const values = {
    name: 'yes',
    chains: [...minimal.chains, { id: 2, name: 'two', rpc: ['http://b'], confirmations: 0 }],
    keys: { passwordFile: 'keys/a: b' },
  }
  const { config } = parse(parseYaml(configTemplate(values)).value)
  expect(config.name).toBe('yes')
  expect(config.chains).toMatchObject([{ id: 1 }, { id: 2, confirmations: 0 }])
  expect(config.keys.passwordFile).toBe('/srv/node/keys/a: b')
})

test('the template with its examples uncommented is still a configuration', () => {
  const text = configTemplate(minimal)
    .replace('  # passwordFile', '  passwordFile')
    .replace('    # pollingIntervalMs', '    pollingIntervalMs')
    .replace('mode: embedded', 'mode: external')
    .replace('  # url:', '  url:')
    .replaceAll(/^(plugins|alerts|outbox): \[\]\n# For example:$/gm, '')
    .replaceAll(/^# (plugins:|alerts:|outbox:| {2}.*)$/gm, '$1')
  const { config } = parse(parseYaml(text).value)
  expect(config.chains[0]?.pollingIntervalMs).toBe(4_000)
  expect(config.plugins).toHaveLength(1)
  expect(config.alerts).toHaveLength(4)
  expect(config.outbox).toHaveLength(3)
  expect(config.database.mode).toBe('external')
})

test('every key is described, in the template and in the reference', () => {
  const template = configTemplate({ ...minimal, plugins: [{ use: 'x' }] })
  for (const path of keys()) expect(template).toContain(`${path.at(-1)}:`)
  const documented = rowsOf(configReference())
  for (const { heading, key, shape } of everyKey()) {
    expect(documented).toContain(`${heading}: ${key}`)
    expect(shape.description ?? '').not.toBe('')
  }
})

/** Each key that a file may have, whatever it stands in, and the heading that it is looked for under. */
function everyKey(shape: Shape = configShape, place = ''): readonly Described[] {
  const { properties = {}, items, additionalProperties, anyOf = [] } = shape
  return [
    ...Object.entries(properties).flatMap(([key, child]) => [
      { heading: place, key, shape: child },
      ...everyKey(child, place === '' ? key : `${place}.${key}`),
    ]),
    ...(items === undefined ? [] : everyKey(items, `${place}[]`)),
    ...(typeof additionalProperties === 'object' ? everyKey(additionalProperties, `${place}.{key}`) : []),
    ...anyOf.flatMap((option) => everyKey(option, place)),
  ]
}

interface Described {
  readonly heading: string
  readonly key: string
  readonly shape: Shape
}

/** `heading: key` of each row; sections of the top are under their headings alone. */
function rowsOf(reference: string): ReadonlySet<string> {
  const rows = new Set<string>()
  let heading = ''
  for (const line of reference.split('\n')) {
    heading = /^##+ (.*)$/.exec(line)?.[1] ?? heading
    const key = /^\| `([^`]+)` \|/.exec(line)?.[1]
    if (key !== undefined) rows.add(`${heading === 'The node' ? '' : heading}: ${key}`)
    else if (/^## [a-z]/.test(line)) rows.add(`: ${heading.replace('[]', '')}`)
  }
  return rows
}

test('variable names and near names', () => {
  expect(variableName(['api', 'maxBodyBytes'])).toBe('IYI_API__MAX_BODY_BYTES')
  expect(nearest('prot', ['host', 'port', 'corsOrigins'])).toBe('port')
  expect(nearest('MaxBodybites', ['maxBodyBytes'])).toBe('maxBodyBytes')
  expect(nearest('zzzz', ['host', 'port'])).toBeNull()
})
