// Loaded into Ponder before it starts: its requests go through `gone-blocks.ts`. Ponder takes no other client than the
// global one where a chain has several providers.
import { tellingOfGoneBlocks } from './gone-blocks.ts'

globalThis.fetch = tellingOfGoneBlocks(globalThis.fetch)
