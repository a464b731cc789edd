/**
 * The whole program with actors that can be told to die: `node main.ts <configuration> <actor> <throw|exit|spin>`; SIGPWR says when.
 * All that runs is the product's; only the doors of the actors have this one addition.
 */
import { readFile } from 'node:fs/promises'
import { BroadcastChannel } from 'node:worker_threads'
import { run } from '../../../workers/program.ts'
import type { Fault } from './fault.ts'

const [, , path = '', actor = '', kind = ''] = process.argv
const door = (name: string): URL => new URL(`./${name}.ts`, import.meta.url)
const channel = new BroadcastChannel('weir-fault')
channel.unref()
process.on('SIGPWR', () => channel.postMessage({ actor, kind } satisfies Fault))
const source = { name: path, read: () => readFile(path, 'utf8') }
const urls = {
  acceptor: door('acceptor'),
  telemetry: door('telemetry'),
  health: door('health'),
  discovery: door('discovery'),
  shard: door('shard'),
}
process.exit(await run(source, () => {}, urls))
