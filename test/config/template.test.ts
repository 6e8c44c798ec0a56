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
  const reference = configReference()
  for (const path of keys()) {
    expect(template).toContain(`${path.at(-1)}:`)
    expect(reference).toContain(path.at(-1))
  }
  const undescribed = (shape: Shape): boolean =>
    Object.values(shape.properties ?? shape.items?.properties ?? {}).some(
      (child) => child.description === undefined || undescribed(child),
    )
  expect(undescribed(configShape)).toBe(false)
})

test('variable names and near names', () => {
  expect(variableName(['api', 'maxBodyBytes'])).toBe('IYI_API__MAX_BODY_BYTES')
  expect(nearest('prot', ['host', 'port', 'corsOrigins'])).toBe('port')
  expect(nearest('MaxBodybites', ['maxBodyBytes'])).toBe('maxBodyBytes')
  expect(nearest('zzzz', ['host', 'port'])).toBeNull()
})
