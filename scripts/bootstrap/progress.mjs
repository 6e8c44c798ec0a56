/**
 * Says what takes long: one live line on a terminal, plain lines elsewhere.
 * @param {NodeJS.WriteStream} out
 */
export function progress(out = process.stderr) {
  return {
    /**
     * @template T
     * @param {string} label imperative
     * @param {() => Promise<T>} work
     * @returns {Promise<T>}
     */
    async step(label, work) {
      const began = Date.now()
      const seconds = () => `${((Date.now() - began) / 1000).toFixed(0)} s`
      const live = out.isTTY === true
      if (!live) out.write(`${label} ...\n`)
      const redraw = () => live && out.write(`\r\u001b[2K- ${label} (${seconds()})`)
      redraw()
      const timer = setInterval(
        () => (live ? redraw() : out.write(`  ${label}: ${seconds()} so far\n`)),
        live ? 250 : 15_000,
      )
      try {
        const result = await work()
        out.write(live ? `\r\u001b[2K\u2713 ${label} (${seconds()})\n` : `  done in ${seconds()}\n`)
        return result
      } catch (error) {
        if (live) out.write(`\r\u001b[2K\u2717 ${label} (${seconds()})\n`)
        throw error
      } finally {
        clearInterval(timer)
      }
    },
  }
}
