import { resolve } from 'node:path'
import { customTables } from '../../ports/custom-tables.ts'
import type { BuiltContract, StoredBuild } from './build-store.ts'
import { commonAddresses } from './compare-builds.ts'
import type { IndexerConfig } from './indexer-config.ts'
import { programOfKind } from './program-copy.ts'

/** What a build of this program and configuration follows, and how: the same text, the same rows. */
export function builtContracts({
  config,
  identities,
  root,
}: {
  readonly config: IndexerConfig
  readonly identities: readonly string[]
  readonly root: string
}): readonly BuiltContract[] {
  const programOf = programOfKind(resolve(root))
  // A development chain that began anew has other blocks under the same id.
  const chainOf = (chainId: number) => identities.find((each) => each.startsWith(`${chainId} `)) ?? ''
  const known = config.contracts.map(({ kind, chainId, address, startBlock }) => ({
    ...{ kind, chainId, startBlock },
    address: address.toLowerCase(),
    program: `${programOf(kind)} ${chainOf(chainId)}`,
  }))
  const custom = (config.custom ?? []).map((contract) => {
    const { name, chainId, startBlock } = contract
    return {
      ...{ kind: 'custom', chainId, startBlock, address: name },
      program: `${programOf('custom')} ${chainOf(chainId)} ${JSON.stringify(contract)}`,
      tables: customTables(contract).map(({ table }) => table),
    }
  })
  return [...known, ...custom]
}

/** Everything that the old build follows, the new one follows in the same way. */
export function saysAllOf(old: StoredBuild, next: StoredBuild): boolean {
  const common = commonAddresses(old.contracts, next.contracts)
  return old.contracts.every(({ chainId, address }) => common.get(chainId)?.includes(address) === true)
}
