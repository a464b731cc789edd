import assert from 'node:assert/strict'
import { test } from 'node:test'
import type { ListenerGroup } from '../../../src/io/engine.ts'
import { Sockets } from '../../../src/control/sockets.ts'
import type { GivenSockets, HeldGroup } from '../../../src/control/sockets.ts'

/** Groups as the kernel knows them, by descriptor. */
const KERNEL: readonly ListenerGroup[] = [
  { address: '127.0.0.1:4000', fds: [3, 4] },
  { address: '127.0.0.1:4001', fds: [5] },
  { address: '127.0.0.1:80', fds: [6] },
]
const inherit = async (fds: readonly number[]): Promise<readonly ListenerGroup[]> =>
  KERNEL.filter((group) => group.fds.some((fd) => fds.includes(fd)))

async function given(...sets: readonly GivenSockets[]): Promise<{ sockets: Sockets; told: HeldGroup[][] }> {
  const told: HeldGroup[][] = []
  const sockets = new Sockets(sets, (held) => void told.push([...held]))
  await sockets.adopt(inherit)
  return { sockets, told }
}

const PREDECESSOR = { key: '127.0.0.1:0 web 0', fds: [3, 4] }

test('a port that the kernel chose is found by what it was chosen for, whatever its number; each group once', async () => {
  const { sockets } = await given(PREDECESSOR, { key: '127.0.0.1:0 api 0', fds: [5] })
  const web = { key: '127.0.0.1:0 web 0', address: '127.0.0.1:0' }
  assert.equal(sockets.take(web)?.address, '127.0.0.1:4000')
  assert.equal(sockets.take(web), undefined)
  assert.equal(
    sockets.take({ key: 'x', address: '127.0.0.1:4001' })?.address,
    '127.0.0.1:4001',
    'or by its address',
  )
})

test('what a predecessor had and nobody wants is given up once; until then it is never closed: the predecessor may go on', async () => {
  const { sockets } = await given(PREDECESSOR)
  const group = sockets.take({ key: PREDECESSOR.key, address: '' })!
  assert.equal(sockets.giveBack(group), true, 'a publication that failed')
  assert.deepEqual(sockets.leftOver(), [group])
  assert.deepEqual(sockets.leftOver(), [])
  assert.equal(sockets.giveBack(group), false, 'from now on it is ours to close')
})

test('what was lent is never ours to close, is named while nobody wants it, and is told as it came, bound or not', async () => {
  const { sockets, told } = await given({ key: '', fds: [6] }, PREDECESSOR)
  assert.deepEqual(sockets.unwanted(), ['127.0.0.1:80'])
  const lent = sockets.take({ key: '127.0.0.1:80', address: '127.0.0.1:80' })!
  const own = sockets.take({ key: PREDECESSOR.key, address: '' })!
  sockets.leftOver()
  sockets.bound([
    { key: '127.0.0.1:80', group: lent },
    { key: PREDECESSOR.key, group: own },
  ])
  assert.deepEqual(told.at(-1), [
    { key: '', group: lent },
    { key: PREDECESSOR.key, group: own },
  ])
  assert.equal(sockets.giveBack(lent), true)
  sockets.bound([])
  assert.deepEqual(
    told.at(-1)?.map(({ key, group }) => [key, group.address]),
    [['', '127.0.0.1:80']],
  )
  assert.equal(sockets.take({ key: '127.0.0.1:80', address: '127.0.0.1:80' })?.address, '127.0.0.1:80')
})

test('the admin API’s socket is told beside the listeners’, under a key of its own', async () => {
  const { sockets, told } = await given()
  const admin = { key: 'admin 127.0.0.1:0', group: { address: '127.0.0.1:9900', fds: [9] } }
  const web = { key: '127.0.0.1:80', group: { address: '127.0.0.1:80', fds: [7, 8] } }
  sockets.boundAdmin(admin)
  sockets.bound([web])
  assert.deepEqual(told.at(-1), [web, admin])
  sockets.boundAdmin(undefined)
  assert.deepEqual(told.at(-1), [web])
})
