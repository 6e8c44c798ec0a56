/** One request as GraphQL over HTTP has it. What is in it is not checked yet. */
export interface GraphqlRequest {
  readonly query: unknown
  readonly operationName?: unknown
  readonly variables?: unknown
  readonly extensions?: unknown
}

export interface GraphqlError {
  readonly message: string
  readonly locations?: readonly { readonly line: number; readonly column: number }[]
  readonly path?: readonly (string | number)[]
  readonly extensions: { readonly code: string }
}

export interface GraphqlAnswer {
  /**
   * `answered`: it was executed, though single fields may have failed. `refused`: it can't be executed. `malformed`: it is
   * no GraphQL request. `busy`: it may succeed later.
   */
  readonly outcome: 'answered' | 'refused' | 'malformed' | 'busy'
  /** In GraphQL's own form. */
  readonly body: { readonly data?: unknown; readonly errors?: readonly GraphqlError[] }
}

/** The indexed tables as a GraphQL schema. Nothing that it does changes anything. */
export interface GraphqlApi {
  /** Never rejects: whatever goes wrong is an error of the answer. `requestId` names the request in the log. */
  execute(request: GraphqlRequest, requestId: string): Promise<GraphqlAnswer>
  /** The schema in GraphQL's schema definition language. */
  sdl(): string
}
