import assert from 'node:assert/strict'
import { test } from 'node:test'
import { explainText } from '../../../src/control/explain-text.ts'
import { anExplainRecord, anExplainTry } from '../../support/explained.ts'

const RETRIED = {
  ...anExplainRecord,
  tries: [
    {
      ...anExplainTry,
      result: 'connect-refused',
      tookMs: 0.4,
      shadow: { policy: 'peak-ewma', endpoint: '127.0.0.1:9002' },
    },
    {
      ...anExplainTry,
      kind: 'retry' as const,
      by: 'excluded' as const,
      endpoint: '127.0.0.1:9002',
      propensity: null,
      looked: 40,
      startedMs: 0.5,
      panic: true,
      excluded: [
        { endpoint: '127.0.0.1:9001', why: 'tried before' },
        { endpoint: '127.0.0.1:9003', why: 'quarantined: latency above the cluster' },
      ],
    },
  ],
}

test('weir explain: a story of tries', () => {
  assert.equal(
    explainText(RETRIED),
    `request 0198a3f2c4d5
  2026-11-22T03:34:50.000Z, shard 1; kept because it was drawn
  cluster web: complete, status 200, after 3.5 ms

1. first try: 127.0.0.1:9001
   connect-refused after 0.4 ms
   chosen by p2c, with probability 0.333
   from priority 0: 3 endpoints, epoch 12, facts up to 0.25 ms old
   draw: key 0, generator 1 2 3 4
     compared                            score     weight     warmth  in flight    cost ms
   > 127.0.0.1:9001                          1          1          1          1       2.13
     127.0.0.1:9002                          4          1          1          4       12.5
   shadow peak-ewma: would have picked 127.0.0.1:9002

2. retry: 127.0.0.1:9002
   answered 200 after 3.25 ms, begun at 0.5 ms
   drawn by weight from those not tried yet, past p2c
   from priority 0 in PANIC (health not heeded): 3 endpoints, epoch 12, facts up to 0.25 ms old
   draw: key 0, generator 1 2 3 4
     compared                            score     weight     warmth  in flight    cost ms
     127.0.0.1:9001                          1          1          1          1       2.13
   > 127.0.0.1:9002                          4          1          1          4       12.5
   … and 38 more
   left out: 127.0.0.1:9001 (tried before)
   left out: 127.0.0.1:9003 (quarantined: latency above the cluster)
`,
  )
})

test('nobody to pick, and nothing tried', () => {
  const nobody = {
    ...anExplainTry,
    endpoint: '',
    set: '',
    size: 0,
    candidates: [],
    looked: 0,
    result: 'no-endpoint',
  }
  const record = { ...anExplainRecord, kept: 'failed' as const, outcome: 'no-endpoint', status: 503 }
  assert.match(explainText({ ...record, tries: [nobody] }), /1\. first try: nobody could be picked\n/)
  assert.match(
    explainText({ ...record, tries: [nobody] }),
    /^   the policy is p2c\n   from nobody: 0 endpoints, epoch 12,/m,
  )
  assert.match(explainText({ ...record, tries: [] }), /nobody was tried\n$/)
})

test('why it was kept: drawn, failed, or saved by another try', () => {
  const kept = { ...anExplainRecord, kept: 'failed' as const }
  assert.match(explainText(anExplainRecord), /kept because it was drawn$/m)
  assert.match(explainText({ ...RETRIED, kept: 'failed' }), /kept because it needed more than one try$/m)
  assert.match(explainText({ ...kept, outcome: 'upstream-reset', status: 502 }), /kept because it failed$/m)
})

test('no line is wider than 100 columns; a long list of exclusions is cut short and counted', () => {
  const long = 'x'.repeat(300)
  const candidates = anExplainTry.candidates.map((each) => ({
    ...each,
    endpoint: long,
    score: 1e300,
    costMs: 1e12,
  }))
  const excluded = Array.from({ length: 50 }, () => ({ endpoint: long, why: long }))
  const record = {
    ...anExplainRecord,
    cluster: long,
    tries: [{ ...anExplainTry, set: long, candidates, excluded }],
  }
  const text = explainText(record)
  for (const line of text.split('\n')) assert.ok(line.length <= 100, line)
  assert.match(text, /and 34 more left out/)
})
