import { spawn } from 'node:child_process'
import { basename, delimiter, dirname } from 'node:path'

/**
 * Runs npm under the given Node. That matters: npm skips optional platform packages whose `engines` the running Node
 * fails, without saying so, and tools then miss their native half.
 * @param {string} node
 * @param {string[]} args
 * @returns {Promise<void>}
 */
export function runNpm(node, args) {
  const env = { ...process.env, PATH: `${dirname(node)}${delimiter}${process.env.PATH ?? ''}` }
  const cli = process.env.npm_execpath ?? ''
  // Other package managers, and npx of some versions, leave their own program here, which would take `ci` for a package.
  const [command, commandArgs] = basename(cli) === 'npm-cli.js' ? [node, [cli, ...args]] : ['npm', args]
  return new Promise((resolve, reject) => {
    let output = ''
    const child = spawn(command, commandArgs, {
      env,
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const keep = (chunk) => {
      output = (output + chunk).slice(-20_000)
    }
    child.stdout.on('data', keep)
    child.stderr.on('data', keep)
    child.on('error', reject)
    child.on('close', (code) =>
      code === 0 ? resolve() : reject(new Error(`npm ${args[0]} ended with ${code}:\n${output.trim()}`)),
    )
  })
}
