import { Hono } from 'hono'

// Ponder insists on this file.
export default new Hono()
