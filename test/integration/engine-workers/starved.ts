/** A process with few fds, started by engine-listen.test.ts: accepts, says on stdout what it sees, line by line. */
import { createEngine, listeners } from '../../../native/index.ts'
import { ENGINE_STATS, EVENT, EVENT_WORDS, OP } from '../../../src/io/engine.ts'
import { engineOptions } from '../engine-rig.ts'

const options = engineOptions()
const engine = createEngine(options)
const group = listeners.open('127.0.0.1:0', 1, 511)
const say = (message: unknown): void => console.log(JSON.stringify(message))

engine.start((count) => {
  let ops = 0
  for (let row = 0; row < count; row++) {
    const [kind = 0, fd = 0, generation = 0, a = 0] = engine.events.subarray(row * EVENT_WORDS)
    if (kind === EVENT.exhausted) say({ exhausted: a, fd, listener: group.fds[0] })
    if (kind === EVENT.end) engine.ops.set([OP.close, fd, generation, 0, 0, 0, 0, 0], ops++ * EVENT_WORDS)
  }
  return ops
})
for (const fd of group.fds) engine.listen(fd, 1)
say({ address: group.address })
process.stdin.on('data', () =>
  say(Object.fromEntries(ENGINE_STATS.map((name, index) => [name, options.stats[index]]))),
)
process.stdin.on('end', () => engine.stop())
