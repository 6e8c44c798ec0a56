// The tables of operators' own contracts. A build of the index with such contracts runs a copy of this program in which
// this file exports one table for each of their events (node/adapters/ponder/custom-program.ts); here there are none.
export {}
