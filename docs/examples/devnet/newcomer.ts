import { readFileSync } from 'node:fs'
import { type Address, getAddress, type Hex, isAddress, isHex, size } from 'viem'
import { end } from './open-devnet.ts'

/** The public side of a validator's four keys. */
export interface Newcomer {
  readonly peer: Hex
  readonly consensus: Hex
  readonly signer: Address
  readonly transmitter: Address
}

/**
 * Reads what `iyi keys list` prints, a key a line: role, identity, file. The roles stand in it, so that none can be taken
 * for another; two addresses or two keys can't be told apart by their form. Ends the example at what is missing or wrong.
 */
export function readNewcomer(path: string): Newcomer {
  let text: string
  try {
    text = readFileSync(path, 'utf8')
  } catch {
    return end(`${path} can't be read: write it with npx iyi keys list --config iyi.yaml > ${path}`)
  }
  const identities = new Map(
    text.split('\n').map((line): [string, string] => {
      const [role = '', identity = ''] = line.trim().split(/\s+/)
      return [role, identity]
    }),
  )
  const identity = (role: string) =>
    identities.get(role) ??
    end(`${path} has no line for the ${role} key: it must be what npx iyi keys list prints`)
  const publicKey = (role: string): Hex => {
    const value = identity(role)
    if (!isHex(value) || size(value) !== 32)
      return end(`${role} must be an ed25519 key of 32 bytes (0x and 64 digits), not ${value}`)
    return value.toLowerCase() as Hex
  }
  const address = (role: string): Address => {
    const value = identity(role)
    // A checksum that is wrong is a digit that is wrong.
    return isAddress(value) ? getAddress(value) : end(`${role} must be an address, not ${value}`)
  }
  const keys = {
    peer: publicKey('peer'),
    consensus: publicKey('consensus'),
    signer: address('signer'),
    transmitter: address('transmitter'),
  }
  const seen = new Set(Object.values(keys))
  if (seen.size < 4) end(`two of the keys in ${path} are the same: each role has a key of its own`)
  return keys
}
