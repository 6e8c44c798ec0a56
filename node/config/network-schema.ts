import { z } from 'zod'

const tcpAddress = '(?:ip4|ip6|dns|dns4|dns6)/[^/]+/tcp/\\d{1,5}'

/** Where the node listens for the others, and where those are. */
export const networkSchema = z
  .strictObject({
    listen: z
      .array(
        z
          .string()
          .regex(new RegExp(`^/${tcpAddress}$`), 'expected a multiaddr such as /ip4/0.0.0.0/tcp/9420'),
      )
      .default(['/ip4/127.0.0.1/tcp/9420'])
      .describe(
        'Multiaddrs to listen on. Loopback by default: a validator that others shall reach takes /ip4/0.0.0.0/tcp/9420. Only validators of its duties and the peers below get past the handshake.',
      ),
    peers: z
      .array(
        z.string().regex(new RegExp(`^/${tcpAddress}/p2p/[A-Za-z0-9]+$`), {
          error: ({ input }) =>
            new RegExp(`^/${tcpAddress}/?(?:p2p/?)?$`).test(String(input))
              ? 'the peer id is missing: expected /p2p/ and the id of that node at the end'
              : 'expected a multiaddr with a peer id',
        }),
      )
      .default([])
      .meta({
        examples: [
          ['/dns4/node.example.org/tcp/9420/p2p/12D3KooWDpJ7As7BWAwRMfu1VU2WCqNjvq387JEYKDBj4kx6nXTN'],
        ],
      })
      .describe(
        'Multiaddrs of the other nodes, each with its peer id, which `iyi keys list` and `GET /v1/node` of that node tell. There is no discovery: list them all.',
      ),
  })
  .prefault({})
  .describe('Connections among the nodes.')
