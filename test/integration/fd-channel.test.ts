import assert from 'node:assert/strict'
import { closeSync, fstatSync, openSync, readdirSync } from 'node:fs'
import { test } from 'node:test'
import { host } from '../../native/index.ts'
import { duplicateFd, FdChannel } from '../../src/io/fd-channel.ts'

const openFds = (): number => readdirSync('/proc/self/fd').length
const inode = (fd: number): number => fstatSync(fd).ino

test('sets of descriptors arrive under their keys, in order, more than one message holds; what nobody took is closed', () => {
  const before = openFds()
  const [ours, theirs] = host.socketPair()
  const sender = new FdChannel(host, ours)
  const taker = new FdChannel(host, theirs)
  const files = ['/dev/null', '/dev/zero', '/proc/self/status'].map((path) => openSync(path, 'r'))
  const many = Array.from({ length: 250 }, (_, n) => files[n % 3]!)
  const first = sender.send([{ key: 'lost', fds: files }])
  const second = sender.send([
    { key: 'many', fds: many },
    { key: 'none', fds: [] },
    { key: 'one', fds: files.slice(0, 1) },
  ])
  const third = sender.send([{ key: 'later', fds: files.slice(1) }])
  assert.ok(first < second && second < third)
  const sets = taker.take(second)
  assert.deepEqual(
    sets.map(({ key, fds }) => [key, fds.length]),
    [
      ['many', 250],
      ['one', 1],
    ],
  )
  assert.deepEqual(sets[0]?.fds.map(inode), many.map(inode))
  assert.deepEqual(
    sets[0]?.fds.toSorted((a, b) => a - b),
    sets[0]?.fds,
    'numbers keep the order of the group',
  )
  for (const fd of sets.flatMap(({ fds }) => fds)) closeSync(fd)
  sender.close() // what it sent before is still there
  const later = taker.take(third)
  assert.deepEqual(
    later.map(({ fds }) => fds.map(inode)),
    [files.slice(1).map(inode)],
  )
  for (const fd of later.flatMap(({ fds }) => fds)) closeSync(fd)
  assert.deepEqual(taker.take(third + 1), [])
  taker.close()
  files.forEach(closeSync)
  assert.equal(openFds(), before)
})

test('what makes no sense is closed like what nobody took, and closing the channel throws nothing', () => {
  const before = openFds()
  const [ours, theirs] = host.socketPair()
  const taker = new FdChannel(host, theirs)
  const file = openSync('/dev/null', 'r')
  host.sendFds(ours, 'no JSON', [file])
  assert.throws(() => taker.take(1), SyntaxError)
  host.sendFds(ours, 'no JSON', [file])
  taker.close()
  host.closeFd(ours)
  closeSync(file)
  assert.equal(openFds(), before)
})

test('a duplicate outlives its original', () => {
  const fd = openSync('/dev/null', 'r')
  const copy = duplicateFd(host, fd)
  assert.notEqual(copy, fd)
  assert.equal(inode(copy), inode(fd))
  closeSync(fd)
  assert.ok(fstatSync(copy).isCharacterDevice())
  closeSync(copy)
  assert.throws(() => duplicateFd(host, 1 << 20), { code: 'EBADF' })
})
