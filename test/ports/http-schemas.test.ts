import { describe, expect, it } from 'vitest'
import { z } from 'zod'
import {
  addressSchema,
  decimalSchema,
  decodeCursor,
  encodeCursor,
  hexSchema,
  limitSchema,
  unsignedSchema,
} from '../../node/ports/http-schemas.ts'

describe('schemas of the API', () => {
  it('reads integers and hex strictly', () => {
    for (const good of ['0', '-1', '1', '9'.repeat(78)])
      expect(decimalSchema.safeParse(good).success).toBe(true)
    for (const bad of ['', '-0', '01', '1.0', '1e3', ' 1', '+1', '9'.repeat(80)])
      expect(decimalSchema.safeParse(bad).success).toBe(false)
    expect(unsignedSchema.safeParse('-1').success).toBe(false)
    expect(hexSchema.safeParse('0x').success).toBe(true)
    for (const bad of ['0x1', 'ab', '0xzz']) expect(hexSchema.safeParse(bad).success).toBe(false)
    expect(addressSchema.safeParse(`0x${'a'.repeat(40)}`).success).toBe(true)
    expect(addressSchema.safeParse(`0x${'a'.repeat(39)}`).success).toBe(false)
  })

  it('bounds limits', () => {
    expect(limitSchema.parse(undefined)).toBe(20)
    expect(limitSchema.parse('100')).toBe(100)
    for (const bad of ['0', '101', '1.5', 'x', '', '1e1', '0x10', ' 5', '+5', '5.0'])
      expect(limitSchema.safeParse(bad).success).toBe(false)
  })

  it('round-trips cursors and refuses others', () => {
    const schema = z.strictObject({ block: unsignedSchema, index: z.int() })
    const cursor = encodeCursor({ block: '12', index: 3 })
    expect(cursor).toMatch(/^[A-Za-z0-9_-]+$/)
    expect(decodeCursor(schema, cursor)).toEqual({ block: '12', index: 3 })
    for (const bad of [
      '',
      '!!',
      'abc',
      encodeCursor({ block: 1 }),
      encodeCursor('x'.repeat(600)),
      `${cursor}=`,
    ])
      expect(() => decodeCursor(schema, bad)).toThrow(expect.objectContaining({ code: 'HTTP_BAD_CURSOR' }))
  })
})
