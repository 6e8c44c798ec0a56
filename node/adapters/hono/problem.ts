import { STATUS_CODES } from 'node:http'
import { z } from 'zod'
import { IyiError } from '../../ports/errors.ts'
import { ProblemError } from '../../ports/http.ts'

/** One part of a request that was refused. */
export interface FieldFault {
  /** `query.limit`, `body.orders.0.amount`. */
  readonly path: string
  readonly message: string
}

/** Body of every error, RFC 9457 with our `code`, the faults of the fields, and the id to look up in the node's log. */
export const problemSchema = z
  .object({
    type: z
      .string()
      .meta({ description: 'Names the kind of problem', example: 'urn:iyi:problem:http-not-found' }),
    title: z.string(),
    status: z.int(),
    detail: z.string(),
    instance: z.string().optional().meta({ description: 'Path of the request' }),
    code: z.string().meta({ description: 'Stable; branch on this' }),
    requestId: z.string().optional(),
    errors: z.array(z.object({ path: z.string(), message: z.string() })).optional(),
  })
  .meta({ description: 'RFC 9457 problem' })

/** A refused request with the faults of its fields. */
export class InvalidRequestError extends ProblemError {
  readonly errors: readonly FieldFault[]

  constructor(errors: readonly FieldFault[]) {
    super({
      status: 400,
      code: 'HTTP_INVALID_REQUEST',
      title: 'Invalid request',
      detail: 'Some parts of the request are not as the API description says; see errors.',
    })
    this.errors = errors
  }
}

/** Makes a `ProblemError` whose title is the status' own phrase. */
export function problem(status: number, code: string, detail: string): ProblemError {
  return new ProblemError({ status, code, title: STATUS_CODES[status] ?? 'Error', detail })
}

/**
 * What a client may know of a failure. A `ProblemError` speaks for itself; another error of ours that says `retry`
 * becomes a 503 with its code; everything else is a 500 that tells nothing but the request id.
 */
export function toProblem(error: unknown): ProblemError {
  if (error instanceof ProblemError) return error
  if (error instanceof IyiError && error.retry)
    return problem(503, error.code, 'The node can not answer this right now. Try again in a few seconds.')
  return problem(
    500,
    'HTTP_INTERNAL',
    "The node failed to answer. Give the request id to the node's operator: the cause is in its log.",
  )
}

/** The body of a problem, as an object in the order that people read. */
export function problemBody(error: ProblemError, where: { instance?: string; requestId?: string }) {
  return {
    type: `urn:iyi:problem:${error.code.toLowerCase().replaceAll('_', '-')}`,
    title: error.data.title,
    status: error.data.status,
    detail: error.message,
    ...(where.instance === undefined ? {} : { instance: where.instance }),
    code: error.code,
    ...(where.requestId === undefined ? {} : { requestId: where.requestId }),
    ...(error instanceof InvalidRequestError ? { errors: error.errors } : {}),
  }
}
