/** A value that survives JSON and structured clone unchanged. Amounts are decimal strings. */
export type Json = string | number | boolean | null | readonly Json[] | { readonly [key: string]: Json }
