import type { IndexShape } from './index-shapes.ts'
import type { Json } from './json.ts'

export type CellValue = string | number | bigint | boolean | Json
export type PageRow = Readonly<Record<string, CellValue>>
export type Scalar = string | number | bigint | boolean

export const pageOperators = ['=', '!=', '<', '<=', '>', '>='] as const

export type PageCondition = { readonly column: string } & (
  | { readonly op: (typeof pageOperators)[number]; readonly value: Scalar }
  | { readonly op: 'in'; readonly value: readonly Scalar[] }
)

export interface PageQuery {
  /** What the rows shall hold. */
  readonly columns: readonly string[]
  /** Joined by AND. */
  readonly where: readonly PageCondition[]
  /** Together they must tell any two rows apart, as those of `IndexShape.order` do. */
  readonly orderBy: readonly string[]
  readonly direction: 'asc' | 'desc'
  /** Values of `orderBy`: only rows that come after these. */
  readonly after: readonly Scalar[] | null
  /** 1..1,001. */
  readonly limit: number
}

export interface IndexPage {
  /** In order. At least one where there is one. */
  readonly rows: readonly PageRow[]
  /** They end before `limit`, though more were found: together those would be too large. */
  readonly isCut: boolean
}

/** Pages of the tables that anybody may ask for. Rejects with `IndexError`. */
export interface IndexPages {
  shapes(): readonly IndexShape[]
  page(name: string, query: PageQuery): Promise<IndexPage>
}
