import type { Fleet } from '../shm/fleet.ts'
import { OTHER_ACTORS } from '../shm/layout.ts'
import type { OtherActor } from '../shm/layout.ts'
import { VITAL } from '../shm/vitals.ts'
import type { MetricFamily, MetricType } from './exposition.ts'

type VitalFamily = {
  readonly name: string
  readonly help: string
  readonly type: MetricType
  readonly word: number
  /** What the word counts, in units of the metric. */
  readonly unit: number
}

const MS = 1 / 1000

const family = (type: MetricType, [name, help]: readonly [string, string], word: number): VitalFamily => {
  const unit = /_seconds(_total)?$/.test(name) ? MS : 1
  return { name: `weir_thread_${name}`, help, type, word, unit }
}

const FAMILIES: readonly VitalFamily[] = [
  family(
    'counter',
    ['cpu_seconds_total', 'Processor time of the thread, since its life began.'],
    VITAL.cpuMs,
  ),
  family(
    'counter',
    ['busy_seconds_total', 'Time in which the thread did not wait for anything to come.'],
    VITAL.busyMs,
  ),
  family(
    'gauge',
    ['busy_ratio', 'Share of the time the thread was busy, smoothed over two seconds.'],
    VITAL.busy,
  ),
  family('counter', ['gc_pauses_total', 'Collections of garbage.'], VITAL.gcPauses),
  family('counter', ['gc_pause_seconds_total', 'Time in collections of garbage.'], VITAL.gcPauseMs),
  family(
    'gauge',
    ['gc_pause_max_seconds', 'Longest collection of garbage in the last half second.'],
    VITAL.gcPauseMaxMs,
  ),
  family('counter', ['loop_turns_total', 'Turns of the event loop.'], VITAL.loopTurns),
  family(
    'counter',
    ['loop_delay_seconds_total', 'Time by which turns of the event loop held up what was due.'],
    VITAL.loopDelayMs,
  ),
  family(
    'gauge',
    ['loop_delay_max_seconds', 'The longest of these in the last half second.'],
    VITAL.loopDelayMaxMs,
  ),
  family('gauge', ['heap_used_bytes', 'Bytes of JavaScript objects.'], VITAL.heapUsed),
  family('gauge', ['heap_limit_bytes', 'Most there may be.'], VITAL.heapLimit),
]

const SPACES = { new: VITAL.newSpace, old: VITAL.oldSpace, code: VITAL.codeSpace, large: VITAL.largeSpace }

/** How each actor's thread does. An actor that never lived has no samples. */
export const vitalsFamilies = (fleet: Fleet, shards: number, nowMs: number): readonly MetricFamily[] => {
  const who: readonly (number | OtherActor)[] = [
    ...Array.from({ length: shards }, (_, n) => n),
    ...OTHER_ACTORS,
  ]
  const actors = who
    .map((actor) => ({
      labels: { actor: typeof actor === 'number' ? `shard ${actor}` : actor },
      row: fleet.vitals(actor),
      beatMs: fleet.actor(actor).lastBeatMs,
    }))
    .filter(({ row }) => row[VITAL.at] !== 0)
  const shardRows = actors.slice(0, actors.filter(({ labels }) => labels.actor.startsWith('shard ')).length)
  return [
    ...FAMILIES.map(({ name, help, type, word, unit }) => ({
      name,
      help,
      type,
      samples: actors.map(({ labels, row }) => ({ labels, value: row[word]! * unit })),
    })),
    {
      name: 'weir_thread_heap_space_bytes',
      help: 'Bytes of JavaScript objects by part of the heap.',
      type: 'gauge',
      samples: actors.flatMap(({ labels, row }) =>
        Object.entries(SPACES).map(([space, word]) => ({ labels: { ...labels, space }, value: row[word]! })),
      ),
    },
    {
      name: 'weir_thread_heartbeat_age_seconds',
      help: 'Time since the actor last showed that it lives.',
      type: 'gauge',
      samples: actors.flatMap(({ labels, beatMs }) =>
        beatMs === 0 ? [] : [{ labels, value: Math.max(0, nowMs - beatMs) * MS }],
      ),
    },
    {
      name: 'weir_shard_delay_seconds',
      help: 'How late the shard is with what came in, smoothed.',
      type: 'gauge',
      samples: shardRows.map(({ labels, row }) => ({
        labels: { shard: labels.actor.slice('shard '.length) },
        value: row[VITAL.delayMs]! * MS,
      })),
    },
  ]
}
