import { createRequire } from 'node:module'
import hardhatViem from '@nomicfoundation/hardhat-viem'
import { defineConfig } from 'hardhat/config'

const require = createRequire(import.meta.url)

// The compiler comes from npm with the other dependencies, so a build needs no download.
// `cancun` is the newest EVM that both Anvil and today's rollups run; nothing here needs a later opcode.
const settings = { optimizer: { enabled: true, runs: 20_000 }, viaIR: true, evmVersion: 'cancun' }

export default defineConfig({
  plugins: [hardhatViem],
  paths: { sources: 'contracts', artifacts: 'artifacts', cache: 'cache' },
  solidity: {
    compilers: [{ version: '0.8.37', path: require.resolve('solc/soljson.js'), settings }],
    splitTestsCompilation: true,
  },
  test: {
    solidity: {
      fuzz: { runs: 256, seed: '0x1f1' },
      invariant: { runs: 32, depth: 64, failOnRevert: true },
    },
  },
})
