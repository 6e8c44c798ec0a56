import type { Context } from 'hono'
import type { ContentfulStatusCode } from 'hono/utils/http-status'
import { z } from 'zod'
import type { GraphqlAnswer, GraphqlApi, GraphqlRequest } from '../../ports/graphql.ts'
import { ProblemError } from '../../ports/http.ts'
import { accepted } from './accept.ts'
import { jsonText } from './json-text.ts'
import { InvalidRequestError, problem } from './problem.ts'
import { unknownNames } from './query-names.ts'

const PATH = '/v1/graphql'
const PARAMETERS = ['query', 'operationName', 'variables', 'extensions']
/** No honest request is longer, whatever bodies the node takes elsewhere. */
const MOST_CHARACTERS = 200_000

const OWN = 'application/graphql-response+json'
const PLAIN = 'application/json'

const requestSchema = z.object({
  query: z.string().meta({ example: '{ poolSwaps(limit: 10) { items { pool amount0In } } }' }),
  operationName: z.string().nullish(),
  variables: z.record(z.string(), z.unknown()).nullish(),
  extensions: z.record(z.string(), z.unknown()).nullish(),
})
const querySchema = z.object({
  query: z.string(),
  operationName: z.string().optional(),
  variables: z.string().optional().meta({ description: 'A JSON object' }),
  extensions: z.string().optional().meta({ description: 'A JSON object' }),
})
const answerSchema = z
  .object({
    data: z.record(z.string(), z.unknown()).nullish(),
    errors: z
      .array(
        z.object({
          message: z.string(),
          locations: z.array(z.object({ line: z.int(), column: z.int() })).optional(),
          path: z.array(z.union([z.string(), z.int()])).optional(),
          extensions: z.object({ code: z.string().meta({ description: 'Stable; branch on this' }) }),
        }),
      )
      .optional(),
  })
  .meta({ description: 'A GraphQL response' })

/** The routes as the description of the API has them. */
export const graphqlOperations = [
  {
    method: 'post',
    path: PATH,
    summary: 'A GraphQL query over the indexed tables',
    description: `GET ${PATH}/schema has the schema; introspection is answered too. With \`Accept: application/json\` a query that is refused has status 200, as GraphQL over HTTP wants it.`,
    body: requestSchema,
    response: answerSchema,
  },
  {
    method: 'get',
    path: PATH,
    summary: 'The same with the query in the URL',
    query: querySchema,
    response: answerSchema,
  },
] as const

/**
 * GraphQL over HTTP: what a request holds, which of the two media types the answer has, and its status. There are no
 * cookies and nothing changes, so a page of another origin gains nothing by sending one.
 */
export function graphqlRoutes(
  graphql: GraphqlApi,
  mount: (method: 'get' | 'post', path: string, run: (c: Context) => Promise<Response>) => void,
): void {
  const answer = (read: (c: Context) => Promise<GraphqlRequest>) => async (c: Context) => {
    const type = accepted(c.req.header('accept'), [OWN, PLAIN])
    const { status, body } = await answered(c, type, read)
    return c.newResponse(jsonText(body), status, {
      'content-type': `${type ?? OWN}; charset=utf-8`,
      'cache-control': 'no-store',
      vary: 'accept',
      ...(status === 503 ? { 'retry-after': '5' } : {}),
    })
  }
  async function answered(
    c: Context,
    type: string | null,
    read: (c: Context) => Promise<GraphqlRequest>,
  ): Promise<{ readonly status: ContentfulStatusCode; readonly body: GraphqlAnswer['body'] }> {
    try {
      if (type === null) throw problem(406, 'HTTP_NOT_ACCEPTABLE', `The answer is ${OWN} or ${PLAIN}.`)
      const { outcome, body } = await graphql.execute(await read(c), String(c.get('requestId')))
      return { status: statusOf(outcome, type), body }
    } catch (error) {
      // What is no GraphQL request is told in GraphQL's form too: that is what who asks here can read.
      if (!(error instanceof ProblemError)) throw error
      const { message, code, data } = error
      return {
        status: data.status as ContentfulStatusCode,
        body: { errors: [{ message: messageOf(error, message), extensions: { code } }] },
      }
    }
  }
  mount('post', PATH, answer(fromBody))
  mount('get', PATH, answer(fromUrl))
  mount('get', `${PATH}/schema`, async (c) => {
    const faults = unknownNames(c, [])
    if (faults.length > 0) throw new InvalidRequestError(faults)
    return c.text(graphql.sdl(), 200, { 'cache-control': 'no-cache' })
  })
}

function messageOf(error: ProblemError, message: string): string {
  if (!(error instanceof InvalidRequestError)) return message
  return error.errors.map((fault) => `${fault.path} ${fault.message}`).join('; ')
}

/** Statuses of GraphQL over HTTP: with plain JSON a refusal must not look like one of somebody in between. */
function statusOf(outcome: GraphqlAnswer['outcome'], type: string): 200 | 400 | 503 {
  if (outcome === 'answered') return 200
  if (outcome === 'busy') return 503
  return outcome === 'refused' && type === PLAIN ? 200 : 400
}

async function fromBody(c: Context): Promise<GraphqlRequest> {
  const [type, ...parameters] = (c.req.header('content-type') ?? '').toLowerCase().split(';')
  const charset = parameters.find((parameter) => parameter.trim().startsWith('charset='))
  if (type?.trim() !== PLAIN || (charset !== undefined && !/=\s*"?utf-?8"?\s*$/.test(charset)))
    throw problem(415, 'HTTP_UNSUPPORTED_MEDIA_TYPE', 'Send the query as application/json in UTF-8.')
  const text = await c.req.text()
  if (text.length > MOST_CHARACTERS)
    throw problem(
      413,
      'HTTP_BODY_TOO_LARGE',
      `A query with its variables may have ${MOST_CHARACTERS} characters.`,
    )
  return jsonOf(text, 'The body')
}

async function fromUrl(c: Context): Promise<GraphqlRequest> {
  const faults = unknownNames(c, PARAMETERS)
  if (faults.length > 0) throw new InvalidRequestError(faults)
  const { query, operationName, variables, extensions } = c.req.query()
  return {
    query,
    ...(operationName === undefined ? {} : { operationName }),
    ...(variables === undefined ? {} : { variables: jsonOf(variables, 'variables') }),
    ...(extensions === undefined ? {} : { extensions: jsonOf(extensions, 'extensions') }),
  }
}

// Whatever it is: what a request must be is checked where it is executed.
function jsonOf(text: string, what: string): GraphqlRequest {
  try {
    return JSON.parse(text) as GraphqlRequest
  } catch {
    throw problem(400, 'HTTP_BAD_JSON', `${what} is not valid JSON.`)
  }
}
