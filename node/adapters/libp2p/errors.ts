import { IyiError } from '../../ports/errors.ts'

export type NetworkErrorCode =
  | 'NET_BAD_ADDRESS'
  | 'NET_BAD_KEY'
  | 'NET_LISTEN_FAILED'
  | 'NET_CHANNEL_INVALID'
  | 'NET_CHANNEL_EXISTS'
  | 'NET_STOPPED'

/** What a `NetworkError` is about; absent fields do not apply. */
export interface NetworkErrorData {
  readonly address?: string
  readonly channel?: string
  readonly index?: number
  readonly reason?: string
}

/** Failure of the peer transport's set-up. Traffic itself never fails with an error: it is best effort. */
export class NetworkError extends IyiError<NetworkErrorCode, NetworkErrorData> {}
