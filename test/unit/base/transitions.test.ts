import { test } from 'node:test'
import assert from 'node:assert/strict'
import { defineTransitions, IllegalTransition } from '../../../src/base/transitions.ts'

const door = defineTransitions('door', {
  closed: { open: 'opened', lock: 'locked' },
  opened: { close: 'closed' },
  locked: { unlock: 'closed', burn: 'gone' },
  gone: {},
})

test('states and events are numbered in order of appearance, the first state is 0', () => {
  assert.deepEqual(door.states, ['closed', 'opened', 'locked', 'gone'])
  assert.deepEqual(door.events, ['open', 'lock', 'close', 'unlock', 'burn'])
  assert.equal(door.state.closed, 0)
  assert.equal(door.event.burn, 4)
})

test('next follows the table and nothing else', () => {
  const { state, event } = door
  assert.equal(door.next(state.closed, event.lock), state.locked)
  assert.equal(door.next(state.locked, event.burn), state.gone)
  const legal = door.states.flatMap((from) =>
    door.events.filter((what) => door.allows(state[from], event[what])),
  )
  assert.equal(legal.length, 5)
})

test('every other transition throws and names machine, state and event', () => {
  const { state, event } = door
  for (const from of door.states) {
    for (const what of door.events) {
      if (door.allows(state[from], event[what])) continue
      assert.throws(
        () => door.next(state[from], event[what]),
        (error) =>
          error instanceof IllegalTransition &&
          error.message === `door: illegal transition: ${from} × ${what}`,
      )
    }
  }
  assert.throws(() => door.next(99, 0), /state 99 × open/)
  assert.throws(() => door.next(0, 99), /closed × event 99/)
})

test('a state nobody defined is refused by the type and at build', () => {
  // @ts-expect-error: no state called elsewhere
  assert.throws(() => defineTransitions('m', { here: { go: 'elsewhere' } }), /no such state/)
  // @ts-expect-error: no event called knock
  assert.equal(door.event.knock, undefined)
})

test('prints itself as Markdown', () => {
  assert.equal(
    defineTransitions('lamp', {
      off: { press: 'on' },
      on: { press: 'off', burn: 'dead' },
      dead: {},
    }).toMarkdown(),
    '| lamp | press | burn |\n| --- | --- | --- |\n| **off** | on |  |\n| **on** | off | dead |\n| **dead** |  |  |\n',
  )
})
