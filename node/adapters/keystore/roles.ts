/** The four keys of a node, by the name of their file. */
export const roles = {
  peer: { curve: 'ed25519', is: 'libp2p identity' },
  consensus: { curve: 'ed25519', is: 'signs messages of the quorum protocol' },
  signer: { curve: 'secp256k1', is: 'signs reports for the chain' },
  transmitter: { curve: 'secp256k1', is: 'sends and pays for transactions' },
} as const

export type KeyRole = keyof typeof roles
export type Curve = (typeof roles)[KeyRole]['curve']
export const roleNames = ['peer', 'consensus', 'signer', 'transmitter'] as const satisfies readonly KeyRole[]
