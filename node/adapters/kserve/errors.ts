import { IyiError } from '../../ports/errors.ts'

/** The options can't be used; the message says which. Failures of the server are `BackendError`s. */
export class KserveError extends IyiError<'KSERVE_BAD_OPTIONS', { option: string }> {
  constructor(option: string, message: string) {
    super('KSERVE_BAD_OPTIONS', message, { data: { option } })
  }
}
