import { GraphQLFloat, GraphQLList, GraphQLNonNull, GraphQLObjectType, GraphQLString } from 'graphql'
import { scalars } from './scalars.ts'

const chain = new GraphQLObjectType({
  name: 'ChainMeta',
  description: 'How fresh the index is on one chain.',
  fields: {
    chainId: { type: new GraphQLNonNull(scalars.int), description: 'EIP-155 id of the chain.' },
    name: { type: new GraphQLNonNull(GraphQLString), description: 'As the operator calls it.' },
    head: { type: scalars.bigint, description: "Newest block that the node's own reader saw." },
    indexed: { type: scalars.bigint, description: 'Newest block whose events are all in the tables.' },
    finalized: { type: scalars.bigint, description: 'Newest block that is final.' },
    lagBlocks: { type: scalars.int, description: 'head - indexed.' },
    lagSeconds: { type: GraphQLFloat, description: 'The same in seconds of the chain.' },
  },
})

/** As `meta` of the other routes. */
export const metaType = new GraphQLObjectType({
  name: 'Meta',
  description: 'How fresh the answer is: its rows are at least as new as this says.',
  fields: {
    chains: {
      type: new GraphQLNonNull(new GraphQLList(new GraphQLNonNull(chain))),
      description: 'Each chain that the node follows.',
    },
  },
})
