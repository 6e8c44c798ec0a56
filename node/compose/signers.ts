import type { NodeKeys } from '../adapters/keystore/keys.ts'
import type { SigningHistory } from '../adapters/postgres/signing-history.ts'
import type { ValidatorSigners } from '../ports/signer.ts'

/** The validator's keys behind the signing history: no key signs without it. */
export function validatorSigners(keys: NodeKeys, history: SigningHistory): ValidatorSigners {
  const consensus = history.guard(keys.consensus)
  const report = history.guard(keys.signer)
  return {
    consensus: {
      publicKey: keys.consensus.publicKey,
      sign: (slot, payload) => consensus.sign(slot, payload),
      agree: async (publicKey) => keys.consensus.agree(publicKey),
    },
    report: { address: keys.signer.address, sign: (slot, payload) => report.sign(slot, payload) },
  }
}
