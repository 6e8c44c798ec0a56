import { createRequire } from 'node:module'
import hardhatViem from '@nomicfoundation/hardhat-viem'
import { defineConfig } from 'hardhat/config'

const require = createRequire(import.meta.url)

// The compiler comes from npm with the other dependencies, so a build needs no download.
// `cancun` is the newest EVM that both Anvil and today's rollups run; nothing here needs a later opcode.
const compiler = { version: '0.8.37', path: require.resolve('solc/soljson.js') }
const settings = { optimizer: { enabled: true, runs: 20_000 }, viaIR: true, evmVersion: 'cancun' }

export default defineConfig({
  plugins: [hardhatViem],
  paths: { sources: 'contracts', artifacts: 'artifacts', cache: 'cache' },
  solidity: {
    compilers: [{ ...compiler, settings }],
    // Code that is called seldom by its size, so that the contract fits the 24,576 bytes of EIP-170.
    overrides: {
      'contracts/oracle/InferenceOracle.sol': {
        ...compiler,
        settings: { ...settings, optimizer: { enabled: true, runs: 800 } },
      },
    },
    splitTestsCompilation: true,
  },
  test: {
    solidity: {
      fuzz: { runs: 256, seed: '0x1f1' },
      invariant: { runs: 32, depth: 64, failOnRevert: true },
    },
  },
})
