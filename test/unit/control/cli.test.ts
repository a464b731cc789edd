import assert from 'node:assert/strict'
import { test } from 'node:test'
import { COMMAND_NAMES, parseCommand } from '../../../src/control/cli.ts'
import type { Command } from '../../../src/control/cli.ts'
import { helpText } from '../../../src/control/help.ts'

const parse = (line: string): Command => parseCommand(line === '' ? [] : line.split(' '))

test('commands and their options', () => {
  assert.deepEqual(parse('run'), { name: 'run', config: './weir.yaml' })
  assert.deepEqual(parse('run -c x.yaml'), { name: 'run', config: 'x.yaml' })
  assert.deepEqual(parse('check --config=a=b.yaml'), { name: 'check', config: 'a=b.yaml' })
  assert.deepEqual(parse('check --config x.yaml'), { name: 'check', config: 'x.yaml' })
  assert.deepEqual(parse('demo'), { name: 'demo', port: 8080, adminPort: 9900 })
  assert.deepEqual(parse('demo --port 0 --admin-port=0'), { name: 'demo', port: 0, adminPort: 0 })
  assert.deepEqual(parse('reference'), { name: 'reference' })
  assert.deepEqual(parse('schema'), { name: 'schema' })
})

test('status and explain: where to ask, whom about, and how to print it', () => {
  const asking = { admin: undefined, config: undefined, json: false }
  assert.deepEqual(parse('status'), { name: 'status', cluster: undefined, ...asking })
  assert.deepEqual(parse('status web --json'), { name: 'status', cluster: 'web', ...asking, json: true })
  assert.deepEqual(parse('status --admin=unix:/a.sock'), {
    name: 'status',
    cluster: undefined,
    ...asking,
    admin: 'unix:/a.sock',
  })
  assert.deepEqual(parse('explain -c x.yaml 0a1b'), {
    name: 'explain',
    id: '0a1b',
    ...asking,
    config: 'x.yaml',
  })
})

test('help and version, as people expect', () => {
  for (const line of ['--help', '-h', 'help']) assert.deepEqual(parse(line), { name: 'help', of: undefined })
  for (const line of ['--version', '-v', '-V', 'version']) assert.deepEqual(parse(line), { name: 'version' })
  for (const of of COMMAND_NAMES) {
    assert.deepEqual(parse(`${of} --help`), { name: 'help', of })
    assert.deepEqual(parse(`help ${of}`), { name: 'help', of })
    assert.match(helpText(of), new RegExp(`usage: weir ${of}`))
    assert.match(helpText(undefined), new RegExp(`^  ${of}\\b`, 'm'))
  }
  assert.deepEqual(parse('run --bogus -h'), { name: 'help', of: 'run' })
})

test('misuse says what and, where something is near, what was meant', () => {
  const cases: readonly (readonly [line: string, message: RegExp])[] = [
    ['', /a command is missing/],
    ['rnu', /unknown command "rnu"; did you mean "run"\?/],
    ['help chekc', /did you mean "check"/],
    ['--hlep', /unknown option --hlep; did you mean "--help"/],
    ['run --confg x', /unknown option --confg; did you mean "--config"/],
    ['run -p 1', /unknown option -p/],
    ['run -c', /-c needs a value/],
    ['run --config=', /--config needs a value/],
    ['run -c a --config b', /--config is given twice/],
    ['run weir.yaml', /takes no argument "weir.yaml"/],
    ['demo --port 65536', /port from 0 to 65535/],
    ['demo --port -1', /port from 0 to 65535/],
    ['explain', /request id is missing/],
    ['explain a b', /takes no argument "b"/],
    ['status --json=yes', /--json takes no value/],
    ['status --jsn', /did you mean "--json"/],
    ['demo --port 80 --admin-port 80', /both 80/],
  ]
  for (const [line, message] of cases) {
    const command = parse(line)
    assert.equal(command.name, 'misuse', line)
    assert.match(command.message, message)
  }
})
