import { InvalidArgumentError } from 'commander'

/** A parser for an option that is a whole number from `min` to `max`. */
export function wholeNumber(min: number, max: number): (text: string) => number {
  return (text) => {
    const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN
    if (Number.isSafeInteger(value) && value >= min && value <= max) return value
    throw new InvalidArgumentError(`expected a whole number from ${min} to ${max}.`)
  }
}
