import assert from 'node:assert/strict'
import { test } from 'node:test'
import { notification, serviceManager, withoutServiceManager } from '../../../src/control/systemd.ts'

test('sockets and the watchdog are ours only if the pid says so; sockets without a pid are nobody’s', () => {
  const ours = {
    LISTEN_FDS: '2',
    LISTEN_PID: '7',
    WATCHDOG_USEC: '3000000',
    WATCHDOG_PID: '7',
    NOTIFY_SOCKET: '/run/n',
  }
  assert.deepEqual(serviceManager(ours, 7), { fds: [3, 4], socket: '/run/n', watchdogMs: 3000 })
  assert.deepEqual(serviceManager(ours, 8), { fds: [], socket: '/run/n', watchdogMs: undefined })
  assert.deepEqual(serviceManager({ LISTEN_FDS: '2', WATCHDOG_USEC: '1000' }, 7), {
    fds: [],
    socket: undefined,
    watchdogMs: 1,
  })
})

test('what is no number, no socket or out of all bounds is nothing', () => {
  for (const count of ['', '-1', '1e3', '0x10', ' 2', '99999999999999999999'])
    assert.deepEqual(
      serviceManager({ LISTEN_FDS: count, LISTEN_PID: '7', WATCHDOG_USEC: count }, 7).fds,
      [],
      count,
    )
  assert.equal(serviceManager({ LISTEN_FDS: '1000000', LISTEN_PID: '7' }, 7).fds.length, 4096)
  for (const socket of ['', '/', '@', 'relative', 'vsock:2:1'])
    assert.equal(serviceManager({ NOTIFY_SOCKET: socket }, 7).socket, undefined, socket)
  assert.equal(serviceManager({ NOTIFY_SOCKET: '@abstract' }, 7).socket, '@abstract')
  assert.equal(serviceManager({ WATCHDOG_USEC: '0' }, 7).watchdogMs, undefined)
})

test('what is started gets none of it, and all the rest', () => {
  const environment = {
    PATH: '/bin',
    LISTEN_FDS: '1',
    LISTEN_FDNAMES: 'a',
    NOTIFY_SOCKET: '/n',
    WATCHDOG_PID: '1',
  }
  assert.deepEqual(withoutServiceManager(environment), { PATH: '/bin' })
  assert.equal(environment.LISTEN_FDS, '1', 'the argument is left as it is')
})

test('a status of several lines says nothing but a status', () => {
  const text = notification('ready', { status: 'well\nSTOPPING=1\r\nMAINPID=1', pid: 7, nowUs: 5n })
  assert.deepEqual(text.split('\n'), ['READY=1', 'MAINPID=7', 'STATUS=well STOPPING=1 MAINPID=1'])
  assert.match(
    notification('reloading', { status: '', pid: 7, nowUs: 5n }),
    /^RELOADING=1\nMONOTONIC_USEC=5\n/,
  )
})
