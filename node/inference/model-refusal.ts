/** Why a model is not run; the text goes into `ModelInfo.status.reason`. Never leaves this room. */
export class ModelRefusal extends Error {}

/** The text of a failure, for an operator: one line, bounded. */
export function reasonOf(error: unknown): string {
  const text = error instanceof Error ? error.message : String(error)
  return text.replaceAll(/\s+/g, ' ').slice(0, 500)
}
