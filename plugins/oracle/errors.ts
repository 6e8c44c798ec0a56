import { IyiError } from '../../node/ports/errors.ts'

export type OracleErrorCode =
  | 'ORACLE_BAD_BYTES'
  | 'ORACLE_BAD_PIN'
  | 'ORACLE_BAD_QUERY'
  | 'ORACLE_BAD_INPUT'
  | 'ORACLE_BAD_OBSERVATION'
  | 'ORACLE_BAD_RULE'
  | 'ORACLE_CHAIN_HALTED'
  | 'ORACLE_NO_DATA'
  | 'ORACLE_WRONG_DECIMALS'
  | 'ORACLE_MODEL_MISMATCH'
  | 'ORACLE_MODEL_INACTIVE'

/** Why this node gives no observation, or why somebody else's bytes are refused. */
export class OracleError extends IyiError<OracleErrorCode, Readonly<Record<string, string | number>>> {
  constructor(
    code: OracleErrorCode,
    message: string,
    data: Readonly<Record<string, string | number>> = {},
    options: { retry?: boolean; cause?: unknown } = {},
  ) {
    super(code, message, { data, ...options })
  }
}
