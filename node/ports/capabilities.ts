import type { ChainReader, TxSender } from './chain.ts'
import type { ChainTrust } from './chain-trust.ts'
import type { Contents } from './content.ts'
import type { EventLog } from './events.ts'
import type { Routes } from './http.ts'
import type { IndexReader } from './index-reader.ts'
import type { Inference } from './inference.ts'
import type { Quorum } from './quorum.ts'
import type { Store } from './store.ts'

/**
 * All that a plugin can ever be granted. The catalogue is closed: a new line is a design decision, made together with
 * the adapter that serves it. What a plugin does not declare in `needs`, or the operator does not grant, it can't reach.
 */
export interface Capabilities {
  /** Read the configured chains. */
  'chain.read': ChainReader
  /** Ask up to which block a chain's state may be signed for. */
  'chain.trust': ChainTrust
  /** Send transactions from the node's transmitter account: spends the operator's funds. */
  'chain.write': TxSender
  /** Query the indexed tables, with their freshness. */
  'index.read': IndexReader
  /** Follow the durable log of chain events. */
  events: EventLog
  /** Register duties: the plugin speaks with this validator's signature. */
  quorum: Quorum
  /** Serve HTTP under the plugin's declared roots. */
  'http.routes': Routes
  /** A PostgreSQL schema of its own. */
  store: Store
  /** Run the models of the operator's manifest. */
  inference: Inference
  /** Keep contents for the other validators, and fetch theirs. */
  contents: Contents
}
export type CapabilityName = keyof Capabilities

/** The catalogue at runtime: what each capability lets a plugin do, as shown to the operator. */
export const capabilityCatalogue: { readonly [N in CapabilityName]: string } = {
  'chain.read': 'read the configured chains',
  'chain.trust': "ask whether a chain's state may be signed for",
  'chain.write': "send transactions from the node's transmitter account (spends your funds)",
  'index.read': 'query the indexed tables',
  events: 'follow the durable log of chain events',
  quorum: "take part in quorum rounds with this validator's signature",
  'http.routes': 'serve HTTP under its own paths',
  store: 'keep data in a database schema of its own',
  inference: 'run the models of your manifest',
  contents: 'keep contents on disk for the other validators, and fetch theirs by hash',
}
