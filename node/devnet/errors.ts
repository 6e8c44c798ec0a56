import { IyiError } from '../ports/errors.ts'

export type DevnetErrorCode =
  | 'DEVNET_PORT_TAKEN'
  | 'DEVNET_ALREADY_RUNNING'
  | 'DEVNET_BAD_OPTION'
  | 'DEVNET_PART_ENDED'
  | 'DEVNET_NOT_READY'
  | 'DEVNET_BUILD_FAILED'
  | 'DEVNET_RPC_FAILED'

/** Why the one-machine network does not come up. */
export class DevnetError extends IyiError<DevnetErrorCode, Readonly<Record<string, string | number>>> {
  constructor(
    code: DevnetErrorCode,
    message: string,
    data: Readonly<Record<string, string | number>> = {},
    cause?: unknown,
  ) {
    super(code, message, { data, cause })
  }
}
