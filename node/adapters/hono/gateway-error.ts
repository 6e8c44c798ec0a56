import { IyiError } from '../../ports/errors.ts'

export type GatewayErrorCode =
  | 'GATEWAY_PATH_OUTSIDE_ROOTS'
  | 'GATEWAY_DUPLICATE_ROUTE'
  | 'GATEWAY_BAD_ROUTE'
  | 'GATEWAY_BAD_ROOT'
  | 'GATEWAY_ROUTES_CLOSED'
  | 'GATEWAY_BAD_EVENT'
  | 'GATEWAY_BAD_RESPONSE'
  | 'GATEWAY_NOT_LOOPBACK'
  | 'GATEWAY_PORT_TAKEN'
  | 'GATEWAY_LISTEN_FAILED'

/**
 * Faults of composition and of plugins, met by the operator or the author: what a client did wrong is a `ProblemError`.
 * `data` names the plugin, route, host or port.
 */
export class GatewayError extends IyiError<GatewayErrorCode, Readonly<Record<string, string | number>>> {}
