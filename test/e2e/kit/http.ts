/** An HTTP answer, read to its end. */
export interface Answer {
  readonly status: number
  readonly headers: Headers
  readonly text: string
}

export async function request(url: string, init: RequestInit = {}): Promise<Answer> {
  const response = await fetch(url, { signal: AbortSignal.timeout(10_000), ...init })
  return { status: response.status, headers: response.headers, text: await response.text() }
}

/** The JSON of a 200. Rejects, with the body, on any other status. */
export async function get<T>(url: string): Promise<T> {
  const { status, text } = await request(url)
  if (status !== 200) throw new Error(`${url} answered ${status}: ${text}`)
  return JSON.parse(text) as T
}

export interface RoundView {
  round: string
  answer: string
  observationsTimestamp: number
  updatedAt: number
  blockNumber: string
  transactionHash: `0x${string}`
  transmitter: `0x${string}`
  evidenceDigest: `0x${string}`
  modelDigest: `0x${string}`
}

/** What a vector feed's round has instead of `answer`. */
export interface VectorView extends Omit<RoundView, 'answer'> {
  answer: null
  answers: string[]
  agreement: { agreeing: number; observers: number; spread: string }
}

export interface FeedView {
  id: string
  decimals: number
  mirrors: { chainId: number; address: Hex }[]
  latest: RoundView | null
  duty: { state: string; configDigest: `0x${string}`; validators: number; f: number }
}

/** A record of `GET /v1/quorum/evidence`, as far as these tests look. */
export interface OffenceView {
  id: Hex
  offence: 'equivocation' | 'forged-proposal' | 'bad-signature'
  statement: string
  oracle: number
  configDigest: Hex
}

/** A duty of `GET /v1/node`. */
export interface DutyView {
  dutyId: string
  state: string
  configDigest: Hex | null
  epoch: number
  leader: number | null
  seqNr: string
}

export type Hex = `0x${string}`

/** What `GET /v1/feeds/{id}/rounds/{round}` says, as far as these tests look. */
export interface Evidence extends RoundView {
  configDigest: Hex
  seqNr: string
  transaction: { hash: Hex; blockNumber: string; from: Hex | null }
  report: {
    payload: Hex
    context: [Hex, Hex, Hex]
    digest: Hex
    signatures: { signer: Hex; oracle: number | null; r: Hex; s: Hex; v: number }[]
  } | null
  evidence: {
    encoded: Hex
    query: Hex
    epoch: number
    leader: number
    pins: { chainId: number; number: string; hash: Hex; timestamp: number }[]
    observations: {
      oracle: number
      value: string
      accepted: boolean
      encoded: Hex
      signature: Hex
      consensusKey: Hex | null
    }[]
  } | null
}

export const feed = async (api: string, id: string): Promise<FeedView> =>
  (await get<{ data: FeedView }>(`${api}/v1/feeds/${id}`)).data

export const round = async (api: string, id: string, number: string | bigint): Promise<Evidence> =>
  (await get<{ data: Evidence }>(`${api}/v1/feeds/${id}/rounds/${number}`)).data

/** Newest first. */
export const rounds = async (api: string, id: string, limit = 100): Promise<RoundView[]> =>
  (await get<{ data: RoundView[] }>(`${api}/v1/feeds/${id}/rounds?limit=${limit}`)).data

/** What a validator holds against others: the newest hundred. */
export const offences = async (api: string, filter: { oracle?: number } = {}): Promise<OffenceView[]> => {
  const oracle = filter.oracle === undefined ? '' : `&oracle=${filter.oracle}`
  return (await get<{ data: OffenceView[] }>(`${api}/v1/quorum/evidence?limit=100${oracle}`)).data
}

/** Whether the node says that it is ready; false also while it does not answer. */
export async function isReady(api: string): Promise<boolean> {
  try {
    return (await request(`${api}/ready`)).status === 200
  } catch {
    return false
  }
}
