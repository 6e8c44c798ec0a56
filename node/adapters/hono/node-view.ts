import type { AgreementStore } from '../../ports/agreement-store.ts'
import type { Hex } from '../../ports/chain.ts'
import type { ChainEvidence } from '../../ports/chain-evidence.ts'
import type { TrustStatus } from '../../ports/chain-trust.ts'
import type { Health } from '../../ports/health.ts'
import type { ChainFreshness } from '../../ports/index-reader.ts'
import type { PeerInfo } from '../../ports/network.ts'
import type { DutyStatus, OffenceRecord, QuorumStore } from '../../ports/quorum.ts'
import type { ProviderStatus } from '../../ports/witness.ts'

/** One thing that must hold before the node takes traffic. `detail` names the remedy when it does not. */
export interface ReadinessCheck {
  readonly name: string
  readonly ok: boolean
  readonly detail: string
}

export interface Readiness {
  readonly ready: boolean
  readonly checks: readonly ReadinessCheck[]
}

/** What the gateway's own routes show of the node. Called once a request. */
export interface NodeView {
  identity(): { readonly id: string; readonly name: string; readonly version: string }
  freshness(): Promise<readonly ChainFreshness[]>
  readiness(): Promise<Readiness>
  plugins(): readonly { readonly id: string; readonly version: string; readonly health: Health }[]
  peers(): readonly PeerInfo[]
  trust(): readonly (TrustStatus & { readonly providers: readonly ProviderStatus[] })[]
  readonly chainEvidence: AgreementStore['evidence']
  oneChainEvidence(chainId: number, id: Hex): Promise<ChainEvidence | null>
  duties(): readonly DutyStatus[]
  readonly offences: QuorumStore['offences']
  offence(id: Hex): Promise<OffenceRecord | null>
}
