import assert from 'node:assert/strict'
import { once } from 'node:events'
import { existsSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test } from 'node:test'
import type { TestContext } from 'node:test'
import { host, listeners } from '../../native/index.ts'
import type { ListenerGroup } from '../../src/io/engine.ts'
import { Rig, dial, eventually } from './engine-rig.ts'

/** The sockets as another process would hold them: other numbers, in the same order. */
function passedOn(fds: readonly number[]): readonly number[] {
  const [ours, theirs] = host.socketPair()
  host.sendFds(ours, 'sockets', fds)
  const got = host.receiveFds(theirs)?.fds ?? []
  host.closeFd(ours)
  host.closeFd(theirs)
  return got
}

/** Members of one group, each served by an engine of its own. */
function serveEach(t: TestContext, group: ListenerGroup): Rig[] {
  return group.fds.map((fd, member) => {
    const rig = new Rig(t, { shard: member })
    rig.engine.listen(fd, member)
    return rig
  })
}

const acceptedBy = (rigs: readonly Rig[]): number[] => rigs.map((rig) => rig.stat('accepted'))

async function visit(t: TestContext, { address }: ListenerGroup, times: number): Promise<void> {
  for (let i = 0; i < times; i++) {
    const socket = dial(address)
    t.after(() => socket.destroy())
    await once(socket, 'connect')
  }
}

test('listening sockets of a predecessor are grouped by address, in their order; the rest is left out', async (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-inherit-'))
  t.after(() => rmSync(folder, { recursive: true }))
  const path = join(folder, 'listener')
  const four = listeners.open('127.0.0.1:0', 3, 64)
  const six = listeners.open('[::1]:0', 2, 64)
  const local = listeners.open(`unix:${path}`, 1, 64)
  const [one, other] = host.socketPair()
  const file = openSync('/dev/null', 'r')
  const strangers = [one, file]
  const got = passedOn([...six.fds, ...strangers, four.fds[0] ?? -1, ...local.fds, ...four.fds.slice(1)])
  for (const fd of got) host.keepOnExec(fd, true)
  const groups = listeners.inherit([...got.toReversed(), got[0] ?? -1, -1, 1 << 19])
  assert.deepEqual(
    groups.map(({ address, fds }) => [address, fds]),
    [
      [six.address, got.slice(0, 2)],
      [four.address, [got[4], got[6], got[7]]],
      [local.address, [got[5]]],
    ],
  )
  for (const fd of groups.flatMap(({ fds }) => fds)) {
    const flags = /flags:\s*(\d+)/.exec(readFileSync(`/proc/self/fdinfo/${fd}`, 'utf8'))?.[1] ?? ''
    assert.equal(Number.parseInt(flags, 8) & 0o2004000, 0o2004000, 'CLOEXEC, non-blocking')
  }
  for (const fd of [...strangers, other, ...got.slice(2, 4)]) host.closeFd(fd)

  // Its first owner lets go of them: whoever queues, and whoever comes now, is served by the next.
  const mine = groups[1] as ListenerGroup
  await visit(t, mine, 4)
  for (const fd of [...four.fds, ...six.fds, ...local.fds]) host.closeFd(fd)
  const rigs = serveEach(t, mine)
  await visit(t, mine, 4)
  await eventually(() => acceptedBy(rigs).reduce((sum, count) => sum + count) === 8, 'all eight')
  for (const group of groups) listeners.close(group)
  assert.ok(existsSync(path), 'the file belongs to whoever made it')
})

test('a group grows: nobody is sent to the new members until the next steering, which goes by the order of all', async (t) => {
  const small = listeners.open('127.0.0.1:0', 2, 64)
  listeners.steer(small, [0, 1])
  const group = listeners.extend(small, 2, 64)
  t.after(() => listeners.close(group))
  assert.equal(group.address, small.address)
  assert.deepEqual(group.fds.slice(0, 2), small.fds)
  assert.equal(new Set(group.fds).size, 4)
  const rigs = serveEach(t, group)
  const counts = [0, 0, 0, 0]
  const expectAll = async (member: number): Promise<void> => {
    await visit(t, group, 12)
    counts[member] = (counts[member] ?? 0) + 12
    await eventually(() => acceptedBy(rigs).join() === counts.join(), `all to member ${member}`)
  }
  await expectAll(1)
  for (const member of [3, 0, 2, 1]) {
    listeners.steer(
      group,
      group.fds.map((_, index) => Number(index === member)),
    )
    await expectAll(member)
  }
  assert.deepEqual(listeners.extend(group, 0, 64), group)
  assert.throws(() => listeners.extend(group, 253, 64), { code: 'EINVAL' })
  assert.throws(() => listeners.extend({ ...group, fds: [] }, 1, 64), { code: 'EBADF' })
})

test('a socket that its shards share stays as it is', (t) => {
  const folder = mkdtempSync(join(tmpdir(), 'weir-inherit-'))
  const group = listeners.open(`unix:${join(folder, 'listener')}`, 1, 64)
  t.after(() => {
    listeners.close(group)
    rmSync(folder, { recursive: true })
  })
  assert.deepEqual(listeners.extend(group, 3, 64), group)
})
