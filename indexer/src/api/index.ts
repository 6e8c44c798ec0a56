import { Hono } from 'hono'

// Ponder insists on this file. The node reads the tables itself, so Ponder's server offers nothing but its own
// `/health`, `/ready`, `/status` and `/metrics`, on the loopback interface.
export default new Hono()
