import { IyiError } from '../../ports/errors.ts'

export type GraphqlFaultCode =
  /** It is no GraphQL request. */
  | 'GRAPHQL_BAD_REQUEST'
  /** Several requests in one. */
  | 'GRAPHQL_BATCH_REFUSED'
  | 'GRAPHQL_SYNTAX'
  /** It does not fit the schema. */
  | 'GRAPHQL_INVALID'
  /** A value of an argument or a variable. */
  | 'GRAPHQL_BAD_INPUT'
  | 'GRAPHQL_BAD_CURSOR'
  /** It asks for more than one request may. */
  | 'GRAPHQL_TOO_COMPLEX'
  /** The answer is longer than one may be. */
  | 'GRAPHQL_TOO_LARGE'
  | 'GRAPHQL_BUSY'
  | 'GRAPHQL_TIMEOUT'
  | 'GRAPHQL_INTERNAL'

/** Why a request, or one of its fields, is not answered. Its message is for whoever asked. */
export class GraphqlFault extends IyiError<GraphqlFaultCode, null> {
  constructor(code: GraphqlFaultCode, message: string, retry = false) {
    super(code, message, { data: null, retry })
  }
}
