import { sha256 } from '../../../../node/quorum/signed-bytes.ts'
import type { Behaviour } from '../behaviour.ts'

export const otherDigest: Behaviour = {
  about: 'is configured with another digest: other signed bytes, other leaders',
  options: (options) => {
    const digest = sha256(options.digest)
    const configDigest = `0x${Buffer.from(digest).toString('hex')}` as const
    return { ...options, digest, configDigest, leaderKey: digest }
  },
}

export const hasty: Behaviour = {
  about: 'is configured with times that are far too short, and one round an epoch',
  options: (options) => {
    const { timing } = options
    const short = (ms: number) => Math.max(1, Math.round(ms / 12))
    return {
      ...options,
      timing: {
        ...timing,
        deltaProgress: short(timing.deltaProgress),
        deltaInitial: short(timing.deltaInitial),
        deltaResend: short(timing.deltaResend),
        deltaRound: short(timing.deltaRound),
        rMax: 1,
      },
    }
  },
}

export const otherPeers: Behaviour = {
  about: 'is configured with another set of peers: one less, in another order, and a smaller f',
  options: (options) => {
    const n = Math.max(options.self + 1, options.n - 1)
    const signers = [...options.signers].reverse().slice(0, n)
    return { ...options, n, f: Math.max(0, Math.floor((n - 1) / 3) - 1), signers }
  },
}
