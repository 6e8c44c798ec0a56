import { isLoopback } from './loopback.ts'

/** One provider of a chain as the operator lists it: its URL alone, or with what it may be asked. */
export type RpcEndpoint =
  | string
  | {
      readonly url: string
      /** Share of the requests among providers that are well; 1 when absent. */
      readonly weight?: number | undefined
      /** Address that tells of new heads. */
      readonly ws?: string | undefined
      /** Most requests a second that this node sends. */
      readonly requestsPerSecond?: number | undefined
      /** Requests a second with which the managed indexer begins. */
      readonly indexerRequestsPerSecond?: number | undefined
    }

export function urlOf(endpoint: RpcEndpoint): string {
  return typeof endpoint === 'string' ? endpoint : endpoint.url
}

/** The host, with its port where that is not the scheme's own. Keys stand in paths, queries and user names. */
export function hostOf(endpoint: RpcEndpoint): string {
  return new URL(urlOf(endpoint)).host
}

/**
 * Who answers there: providers on one host are one party, whatever their paths. On loopback the port counts too, so
 * that development chains and proxies of one's own can stand for several.
 */
export function partyOf(endpoint: RpcEndpoint): string {
  const { hostname, host } = new URL(urlOf(endpoint))
  return isLoopback(hostname) ? host : hostname
}
