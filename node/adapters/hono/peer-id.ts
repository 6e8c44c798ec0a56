import type { Hex } from '../../ports/chain.ts'

const alphabet = '123456789ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz'

/**
 * libp2p peer id of an ed25519 public key: base58btc of the identity multihash (0x00, 0x24) of the key's protobuf
 * (libp2p specification, peer-ids). Lets an oracle of the on-chain configuration be found among the peers.
 */
export function peerIdOf(peerKey: Hex): string {
  // 0x00 is the identity code: base58btc writes the leading zero byte as one `1`.
  let rest = BigInt(`0x2408011220${peerKey.slice(2)}`)
  let text = ''
  while (rest > 0n) {
    text = (alphabet[Number(rest % 58n)] ?? '') + text
    rest /= 58n
  }
  return `1${text}`
}
