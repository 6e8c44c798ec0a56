#!/usr/bin/env node
import { launch } from './bootstrap/launch.mjs'

await launch('node/main.ts', process.argv.slice(2), 'refuse')
