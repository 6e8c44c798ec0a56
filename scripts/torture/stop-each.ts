/** Stops all, the last one first, also where one fails to; rejects with the first failure. The list is empty then. */
export async function stopEach(stops: (() => unknown)[]): Promise<void> {
  const failures: unknown[] = []
  for (const stop of stops.splice(0).reverse())
    try {
      await stop()
    } catch (error) {
      failures.push(error)
    }
  if (failures.length > 0) throw failures[0]
}
